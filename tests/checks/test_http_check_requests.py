"""What Go's client says about URLs, methods and headers that it would not send, and what it makes of the others."""

import pytest

from pyconsul.agent.checks.http_request import credentials, request_fault, sent, target


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("http://localhost:80/", ""),
        ("http://u:p@[::1]:80/a%20b?q=%zz", ""),
        ("http://exa_mple.internal", ""),
        ("127.0.0.1:80", 'parse "127.0.0.1:80": first path segment in URL cannot contain colon'),
        ("a_b:c", 'parse "a_b:c": first path segment in URL cannot contain colon'),
        (":80", 'parse ":80": missing protocol scheme'),
        ("localhost:80/x", 'Get "localhost:80/x": unsupported protocol scheme "localhost"'),
        ("/x", 'Get "/x": unsupported protocol scheme ""'),
        ("http:///x", 'Get "http:///x": http: no Host in request URL'),
        ("http://h:x/", 'parse "http://h:x/": invalid port ":x" after host'),
        ("http://h:99999/", 'Get "http://h:99999/": dial tcp: address 99999: invalid port'),
        ("http://[::1/", "parse \"http://[::1/\": missing ']' in host"),
        ("http://[::1]x/", 'parse "http://[::1]x/": invalid port "x" after host'),
        ("http://a\tb/", r'parse "http://a\tb/": net/url: invalid control character in URL'),
        ("http://a b/", 'parse "http://a b/": invalid character " " in host name'),
        ("http://a b@h/", 'parse "http://a b@h/": net/url: invalid userinfo'),
        ("http://h/%zz", 'parse "http://h/%zz": invalid URL escape "%zz"'),
        ("http://%41/", 'parse "http://%41/": invalid URL escape "%41"'),
        ("http://127.1/", 'Get "http://127.1/": dial tcp: lookup 127.1: no such host'),
        ("http://[1.2.3.4]/", 'parse "http://[1.2.3.4]/": invalid IP-literal'),
        ("http://h[::1]/", 'parse "http://h[::1]/": invalid IP-literal'),
        ("http://u:geheim@h:99999/ x", 'Get "http://u:***@h:99999/%20x": dial tcp: address 99999: invalid port'),
        ("http://a::80/", 'Get "http://a::80/": dial tcp: lookup a:: no such host'),
        ("http:", 'Get "http:": http: no Host in request URL'),
        ("http://h:/", ""),
        ("http://:/", 'Get "http:///": http: no Host in request URL'),
        ("http://:80/", ""),
        ("ftp://h:/", 'Get "ftp://h/": unsupported protocol scheme "ftp"'),
        ("http://a..b/", 'Get "http://a..b/": dial tcp: lookup a..b: no such host'),
    ],
)
def test_urls_that_cannot_be_asked_are_told_in_go_s_words(url: str, fault: str) -> None:
    """Most of all those without a scheme."""
    assert request_fault("GET", url, {}) == fault


def test_methods_and_headers_are_tokens() -> None:
    """Values hold no control characters."""
    assert request_fault("A B", "http://h", {}) == 'net/http: invalid method "A B"'
    assert request_fault("PUT", "http://h", {"a b": ["x"]}).endswith(
        'Put "http://h": net/http: invalid header field name "a b"'
    )
    assert request_fault("PUT", "http://h", {"a": ["x\n"]}).endswith('net/http: invalid header field value for "a"')
    assert request_fault("PUT", "h:80", {"a b": ["x"]}) == 'Put "h:80": unsupported protocol scheme "h"'


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://h/a b/%41?q=a b#f", "http://h/a%20b/A?q=a b"),
        ("http://h/ab/%41", "http://h/ab/%41"),
        ("HTTP://u:p@h:/%2F", "http://h/%2F"),
        ("http://:80/x", "http://127.0.0.1:80/x"),
        ("http://[fe80::1%25en0]:80", "http://[fe80::1%25en0]:80"),
        ("http://h/ü", "http://h/%C3%BC"),
        ("http://h/!$&'()*+,;=:@~-._", "http://h/!$&'()*+,;=:@~-._"),
        ("http://h?x", "http://h?x"),
    ],
)
def test_what_cannot_stand_in_a_path_is_escaped(url: str, asked: str) -> None:
    """A path that can go as it is written does so, and so do queries; no fragment is sent, and no user."""
    assert sent(target(url)) == asked


def test_the_user_in_a_url_is_told_in_a_header() -> None:
    """Name and password, unescaped, in base64; without a user there is no header."""
    assert credentials(target("http://u%40:p@h")) == "Basic dUA6cA=="
    assert credentials(target("http://u@h")) == "Basic dTo="
    assert credentials(target("http://h")) == ""
