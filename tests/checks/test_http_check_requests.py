"""What Go's client says about URLs, methods and headers that it would not send, and what it makes of the others."""

import pytest

from pyconsul.agent.checks.http_request import escaped, request_fault


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


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("http://h/a b/%41?q=a b#f", "http://h/a%20b/%41?q=a b#f"),
        ("http://h/ü", "http://h/%C3%BC"),
        ("http://h/!$&'()*+,;=:@~-._", "http://h/!$&'()*+,;=:@~-._"),
        ("http://h?x", "http://h?x"),
    ],
)
def test_what_cannot_stand_in_a_path_is_escaped(url: str, sent: str) -> None:
    """What is escaped stays so, and queries go as they are."""
    assert escaped(url) == sent
