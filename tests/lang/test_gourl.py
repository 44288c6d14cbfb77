"""URLs are read and written as Go 1.26's ``net/url`` does it."""

import pytest

from pyconsul.lang.gourl import Url, UrlError, Userinfo, parse, parse_request_uri, resolve


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", Url()),
        ("*", Url(path="*")),
        ("HTTP://h", Url(scheme="http", host="h")),
        ("http://h/a?b#c", Url(scheme="http", host="h", path="/a", query="b", fragment="c")),
        ("http://h?", Url(scheme="http", host="h", force_query=True)),
        ("http://h??", Url(scheme="http", host="h", query="?")),
        ("mailto:a@b?c", Url(scheme="mailto", opaque="a@b", query="c")),
        ("file:/a", Url(scheme="file", path="/a", omit_host=True)),
        ("//h/a", Url(host="h", path="/a")),
        ("///a", Url(path="///a")),
        ("a/b:c", Url(path="a/b:c")),
        ("/a%20b%2f", Url(path="/a b/", raw_path="/a%20b%2f")),
        ("/a%20b", Url(path="/a b")),
        ("/%e4", Url(path="/\udce4", raw_path="/%e4")),
        ("#%41", Url(fragment="A", raw_fragment="%41")),
        ("//u@v@h", Url(user=Userinfo("u@v"), host="h")),
        ("//u:@h", Url(user=Userinfo("u", ""), host="h")),
        ("//%75:p%3A@h", Url(user=Userinfo("u", "p:"), host="h")),
        ("//@h", Url(user=Userinfo(""), host="h")),
        ("//h%C3%BC:80", Url(host="h\u00fc:80")),
        ("//[::1]:80", Url(host="[::1]:80")),
        ("//[fe80::1%25en%200]", Url(host="[fe80::1%en 0]")),
        ("ftp://a::b:80", Url(scheme="ftp", host="a::b:80")),
    ],
)
def test_a_url_is_taken_apart(text: str, parts: Url) -> None:
    """Parts are unescaped; what was not written as Go writes it is remembered."""
    assert parse(text) == parts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (":a", "missing protocol scheme"),
        ("1a:b", "first path segment in URL cannot contain colon"),
        ("/\x7f", "net/url: invalid control character in URL"),
        ("/%4", 'invalid URL escape "%4"'),
        ("/%4\u00fc", 'invalid URL escape "%4\\xc3"'),
        ("//h%41", 'invalid URL escape "%41"'),
        ("//a b", 'invalid character " " in host name'),
        ("//\u00fc@h", "net/url: invalid userinfo"),
        ("//u%zz@h", 'invalid URL escape "%zz"'),
        ("//h:8x", 'invalid port ":8x" after host'),
        ("//[::1", "missing ']' in host"),
        ("//[::1]x", 'invalid port "x" after host'),
        ("//h[::1]", "invalid IP-literal"),
        ("//[1.2.3.4]", "invalid IP-literal"),
        ("//[fe80::1%25%2f]", 'invalid URL escape "%2f"'),
        ("//[]", 'invalid host: ParseAddr(""): unable to parse IP'),
        ("//[%25z]", 'invalid host: ParseAddr("%z"): missing IPv6 address'),
        ("//[::1%25]", 'invalid host: ParseAddr("::1%"): zone must be a non-empty string'),
    ],
)
def test_a_text_that_is_no_url_is_refused_in_go_s_words(text: str, reason: str) -> None:
    """The text is quoted as Go quotes it."""
    with pytest.raises(UrlError) as caught:
        parse(text)
    assert str(caught.value).endswith(f": {reason}")


def test_the_fragment_is_told_only_where_it_is_to_blame() -> None:
    """What stands before it is told without it."""
    with pytest.raises(UrlError, match=r'^parse "/%": invalid URL escape "%"$'):
        parse("/%#f")
    with pytest.raises(UrlError, match=r'^parse "/#%": invalid URL escape "%"$'):
        parse("/#%")


def test_which_colon_begins_the_port_depends_on_the_version_of_go() -> None:
    """The first one of a web host since Go 1.26, else the last one."""
    with pytest.raises(UrlError, match='invalid port "::80" after host'):
        parse("http://a::80")
    assert parse("http://a::80", strict_colons=False).host == "a::80"
    assert parse("tcp://a::80").port() == "80"


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("1::2::3", 'multiple :: in address (at ":3")'),
        ("12345::", 'each group must have 4 or less digits (at "12345::")'),
        (":1", 'each colon-separated field must have at least one digit (at ":1")'),
        ("1:2", "address string too short"),
        ("1:2:", 'colon must be followed by more characters (at ":")'),
        ("1:2g", 'unexpected character, want colon (at "g")'),
        ("1:2:3:4:5:6:7:8:9", 'trailing garbage after address (at "9")'),
        ("1:2:3:4:5:6:7:8::", "the :: must expand to at least one field of zeros"),
        ("1:1.2.3.4", 'embedded IPv4 address must replace the final 2 fields of the address (at "1.2.3.4")'),
        ("::1:2:3:4:5:6:7:1.2.3.4", "too many hex fields to fit an embedded IPv4 at the end of the address"),
        ("::1.2.3", "IPv4 address too short"),
        ("::1.2.3.4.5", "IPv4 address too long"),
        ("::1..3.4", 'IPv4 field must have at least one digit (at ".3.4")'),
        ("::01.2.3.4", "IPv4 field has octet with leading zero"),
        ("::256.2.3.4", "IPv4 field has value >255"),
        ("::1.2.3.a", 'unexpected character (at "a")'),
    ],
)
def test_only_ipv6_addresses_stand_in_brackets(address: str, reason: str) -> None:
    """The reason is the one of Go's ``net/netip``."""
    with pytest.raises(UrlError) as caught:
        parse(f"//[{address}]")
    assert f'invalid host: ParseAddr("{address}"): {reason}' in str(caught.value)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (parse("HTTP://u:p@h/a%2fb?#%41"), "http://u:p@h/a%2fb?#%41"),
        (parse("/a b%2f"), "/a%20b/"),
        (parse("//u%3a@[fe80::1%25a%20b]"), "//u%3A@[fe80::1%25a%20b]"),
        (parse("file:/a"), "file:/a"),
        (parse("http://"), "http:"),
        (parse("x:?a"), "x:?a"),
        (Url(path="a:b"), "./a:b"),
        (Url(host="h", path="a"), "//h/a"),
        (Url(scheme="s", path="a"), "s://a"),
        (Url(scheme="s", user=Userinfo("")), "s://@"),
        (Url(path="*"), "*"),
    ],
)
def test_a_url_is_put_together(url: Url, text: str) -> None:
    """Paths and fragments stay as they were written where they can."""
    assert url.text() == text


def test_name_and_port_of_a_host() -> None:
    """A name stands without brackets; a port is digits."""
    assert (parse("//[::1]:8").hostname(), parse("//[::1]:8").port()) == ("::1", "8")
    assert (parse("//h").hostname(), parse("//h").port()) == ("h", "")
    assert (Url(host="h:x").hostname(), Url(host="h:x").port()) == ("h:x", "")


def test_the_uri_of_a_request_is_absolute() -> None:
    """A scheme or a slash begins it; two slashes begin a path, and a hash is part of it."""
    assert parse_request_uri("//a/b#c").path == "//a/b#c"
    for text, reason in (("", "empty url"), ("a/b", "invalid URI for request"), ("a b:c", "invalid URI for request")):
        with pytest.raises(UrlError, match=f"{reason}$"):
            parse_request_uri(text)


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("g:h", "g:h"),
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("#s", "http://a/b/c/d;p?q#s"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../../../g", "http://a/g"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("%2E%2e/%41", "http://a/b/c/%2E%2e/%41"),
    ],
)
def test_references_mean_what_rfc_3986_says(reference: str, found: str) -> None:
    """Most of these are the examples of its section 5.4."""
    assert resolve(parse("http://a/b/c/d;p?q"), parse(reference)).text() == found
