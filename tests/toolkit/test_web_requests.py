"""What Go's client says about URLs, methods and headers that it would not send, and what it makes of the others."""

import pytest

from pyconsul.primitives.dialing import DialError
from pyconsul.toolkit.web_request import Headers, RequestError, canonical, request_of, sending_fault, target, told


def fault_of(method: str, url: str, headers: Headers | None = None) -> str:
    """Why a request does not go out, or ""."""
    try:
        request = request_of(method, url, headers)
    except RequestError as error:
        return str(error)
    fault = sending_fault(request)
    if not fault:
        try:
            request.address()
        except DialError as error:
            fault = str(error)
    return fault and told(method, request.shown, fault)


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
        ("http://[1.2.3.4]/", 'parse "http://[1.2.3.4]/": invalid IP-literal'),
        ("http://h[::1]/", 'parse "http://h[::1]/": invalid IP-literal'),
        ("http://u:geheim@h:99999/ x", 'Get "http://u:***@h:99999/%20x": dial tcp: address 99999: invalid port'),
        ("http:", 'Get "http:": http: no Host in request URL'),
        ("http://h:/", ""),
        ("http://:/", 'Get "http:///": http: no Host in request URL'),
        ("http://:80/", ""),
        ("ftp://h:/", 'Get "ftp://h/": unsupported protocol scheme "ftp"'),
    ],
)
def test_urls_that_cannot_be_asked_are_told_in_go_s_words(url: str, fault: str) -> None:
    """Most of all those without a scheme."""
    assert fault_of("GET", url) == fault


def test_methods_and_headers_are_tokens() -> None:
    """Values hold no control characters."""
    assert fault_of("A B", "http://h") == 'net/http: invalid method "A B"'
    assert fault_of("PUT", "http://h", {"a b": ["x"]}).endswith(
        'Put "http://h": net/http: invalid header field name "a b"'
    )
    assert fault_of("PUT", "http://h", {"a": ["x\n"]}).endswith('net/http: invalid header field value for "a"')
    assert fault_of("PUT", "h:80", {"a b": ["x"]}) == 'Put "h:80": unsupported protocol scheme "h"'


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("http://h/a b/%41?q=a b#f", "/a%20b/A?q=a b", "h"),
        ("http://h/ab/%41", "/ab/%41", "h"),
        ("HTTP://u:p@h:/%2F", "/%2F", "h"),
        ("http://:80/x", "/x", ":80"),
        ("http://[fe80::1%25en0]:80", "/", "[fe80::1]:80"),
        ("http://h/ü", "/%C3%BC", "h"),
        ("http://h/!$&'()*+,;=:@~-._", "/!$&'()*+,;=:@~-._", "h"),
        ("http://h?x", "/?x", "h"),
        ("http://bücher.test/", "/", "xn--bcher-kva.test"),
    ],
)
def test_what_cannot_stand_in_a_path_is_escaped(url: str, line: str, host: str) -> None:
    """A path that can go as it is written does so, and so do queries; no fragment is sent, no zone, and no user."""
    head = request_of("GET", url).head().decode()
    assert head.startswith(f"GET {line} HTTP/1.1\r\nHost: {host}\r\n")


def test_the_user_in_a_url_is_told_in_a_header() -> None:
    """Name and password, unescaped, in base64; without a user there is no header."""
    assert target("http://u%40:p@h").basic_authorization() == "Basic dUA6cA=="
    assert target("http://u@h").basic_authorization() == "Basic dTo="
    assert target("http://h").basic_authorization() == ""


START = request_of(
    "POST", "http://a.test/x/y?q", {"Authorization": ["t"], "Content-Type": ["a/b"], "K": ["v"]}, b"data"
)


@pytest.mark.parametrize(
    ("status", "location", "url", "method", "names"),
    [
        (302, "/z", "http://a.test/z", "GET", {"Authorization", "K", "Referer"}),
        (302, "z?p#f", "http://a.test/x/z?p#f", "GET", {"Authorization", "K", "Referer"}),
        (303, "//b.a.test/", "http://b.a.test/", "GET", {"Authorization", "K", "Referer"}),
        (307, "/z", "http://a.test/z", "POST", {"Authorization", "Content-Type", "K", "Referer"}),
        (308, "https://b.test", "https://b.test", "POST", {"Content-Type", "K", "Referer"}),
    ],
)
def test_redirections_change_what_is_sent(status: int, location: str, url: str, method: str, names: set[str]) -> None:
    """Secrets stay with the first host and those below it, the body's headers with the body."""
    found = START.redirected(status, location, START, with_body=status >= 307)
    assert (found.url.text(), found.method, set(found.headers)) == (url, method, names)
    assert found.body == (b"data" if status >= 307 else b"")
    assert found.headers["Referer"] == ["http://a.test/x/y?q"]


@pytest.mark.parametrize(("location", "host"), [("/z", "other.test"), ("http://a.test/z", "")])
def test_a_host_header_follows_relative_redirections(location: str, host: str) -> None:
    """An absolute one names its host itself."""
    start = request_of("GET", "http://a.test/", {"Host": ["other.test"]})
    assert start.redirected(302, location, start, with_body=True).host == host


def test_no_referer_goes_from_https_to_http() -> None:
    """What was secret stays so."""
    start = request_of("GET", "https://a.test/")
    assert start.redirected(302, "http://a.test/", start, with_body=True).headers == {}


def test_requests_have_go_s_order() -> None:
    """Names as they are written; what the client says itself is not the caller's to say."""
    head = request_of("PUT", "http://u:p@h/", {"b": ["1", "2"], "A": [" x "], "Content-Length": ["9"]}, b"hi").head()
    assert head.decode().split("\r\n") == [
        "PUT / HTTP/1.1",
        "Host: h",
        "User-Agent: Go-http-client/1.1",
        "Content-Length: 2",
        "A: x",
        "Authorization: Basic dTpw",
        "b: 1",
        "b: 2",
        "Accept-Encoding: gzip",
        "Connection: close",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("start", "location", "keeps"),
    [
        ("http://A.test/", "http://a.TEST/z", True),
        ("http://a.test/", "http://B.A.test/", True),
        ("http://a.test/", "http://ba.test/", False),
        ("http://b.a.test/", "http://a.test/", False),
        ("http://a.test/", "http://[fe80::1%25.a.test]/", False),
    ],
)
def test_secrets_stay_with_a_host_and_the_names_below_it(start: str, location: str, keeps: bool) -> None:
    """In any letter case; the zone of an address is no name."""
    request = request_of("GET", start, {"Authorization": ["t"]})
    assert ("Authorization" in request.redirected(302, location, request, with_body=True).headers) is keeps


def test_a_question_for_the_head_stays_one() -> None:
    """Wherever it is sent on to; and the last colon of a place begins its port."""
    start = request_of("HEAD", "http://a.test/")
    assert start.redirected(302, "/z", start, with_body=True).method == "HEAD"
    assert start.redirected(302, "http://::1:81/", start, with_body=True).address() == ("::1", 81)


@pytest.mark.parametrize(
    ("method", "url", "headers", "has", "lacks"),
    [
        ("GET", "http://h", {"User-Agent": [""]}, "Host: h", "User-Agent"),
        ("GET", "http://h", {"User-Agent": ["me"]}, "User-Agent: me", "Go-http-client"),
        ("POST", "http://h", {}, "Content-Length: 0", "Authorization"),
        ("DELETE", "http://h", {}, "DELETE / HTTP/1.1", "Content-Length"),
        ("GET", "http://u:p@h", {"Authorization": ["own"]}, "Authorization: own", "Basic"),
        ("GET", "http://h", {"Connection": ["Close"]}, "Connection: Close", "Connection: close"),
        ("GET", "http://h", {"Upgrade": ["x"], "Connection": ["Upgrade"]}, "Upgrade: x", "Connection: close"),
        ("GET", "http://h", {"Upgrade": ["x"]}, "Connection: close", "upgrade"),
        ("GET", "http://h", {"Connection": ["upgrade"]}, "Connection: close", "Upgrade: x"),
        ("GET", "http://h", {"Accept-Encoding": ["br"]}, "Accept-Encoding: br", "gzip"),
        ("GET", "http://h", {"Range": ["bytes=0-1"]}, "Range: bytes=0-1", "gzip"),
        ("HEAD", "http://h", {}, "HEAD / HTTP/1.1", "gzip"),
        ("CONNECT", "http://h:80", {}, "CONNECT h:80 HTTP/1.1", "Content-Length"),
        ("CONNECT", "http://h/x", {}, "CONNECT /x HTTP/1.1", "CONNECT h"),
        ("GET", "http://h/?", {}, "GET /? HTTP/1.1", "GET / "),
    ],
)
def test_what_the_client_adds_depends_on_what_is_given(
    method: str, url: str, headers: Headers, has: str, lacks: str
) -> None:
    """Nothing goes twice, and an upgrade keeps its connection."""
    head = request_of(method, url, headers).head().decode()
    assert has in head.split("\r\n")
    assert lacks not in head


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u@h/u@h", "http://u@h/u@h"),
        ("http://u:@h/", "http://u:***@h/"),
        ("http://u:p@h/u:p@", "http://u:***@h/u:p@"),
    ],
)
def test_errors_show_a_user_without_the_password(url: str, shown: str) -> None:
    """And all the rest as it is."""
    assert request_of("GET", url).shown == shown


def test_the_largest_port_can_be_asked() -> None:
    """The next one is none."""
    assert request_of("GET", "http://h:65535").address() == ("h", 65535)
    with pytest.raises(DialError, match="address 65536: invalid port"):
        request_of("GET", "http://h:65536").address()


@pytest.mark.parametrize(
    ("start", "location", "given", "referer"),
    [
        ("http://u:p@a.test/x", "/y", [], ["http://a.test/x"]),
        ("https://a.test/x", "https://b.test/", [], ["https://a.test/x"]),
        ("http://a.test/x", "/y", ["mine"], ["mine"]),
        ("https://a.test/x", "http://a.test/", ["mine"], ["mine"]),
    ],
)
def test_a_referer_is_the_last_place_or_what_was_given(
    start: str, location: str, given: list[str], referer: list[str]
) -> None:
    """Never with the user."""
    request = request_of("GET", start, {"Referer": given} if given else {})
    assert request.redirected(302, location, request, with_body=True).headers["Referer"] == referer


def test_names_of_headers_are_spelt_as_go_spells_them() -> None:
    """What can be none stays as it is."""
    assert [canonical(name) for name in ("content-TYPE", "x", "a b", "")] == ["Content-Type", "X", "a b", ""]


def test_a_name_that_is_no_domain_is_asked_for_as_it_is() -> None:
    """The resolver says what it thinks of it."""
    host = "ü" * 70
    assert request_of("GET", f"http://{host}/").address() == (host, 80)
