"""The proxy of a request, as Go's programs read it from the environment."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.goproxy import Proxy, Tunnel, TunnelError, proxy_for

HERE = {"HTTP_PROXY": "http://proxy.test:3128", "HTTPS_PROXY": "secure.test"}


def test_each_scheme_has_its_own() -> None:
    """It may be written without a scheme and a port."""
    assert proxy_for("http", "agent.test", 8500, HERE) == Proxy("proxy.test", 3128)
    assert proxy_for("https", "agent.test", 8501, HERE) == Proxy("secure.test", 80)
    assert proxy_for("https", "agent.test", 8501, {"HTTP_PROXY": "proxy.test"}) is None


def test_capitals_win() -> None:
    """Of two spellings; an empty one is none."""
    assert proxy_for("http", "a.test", 80, {"http_proxy": "low", "HTTP_PROXY": "high"}) == Proxy("high", 80)
    assert proxy_for("http", "a.test", 80, {"http_proxy": "low", "HTTP_PROXY": ""}) == Proxy("low", 80)


def test_user_and_password_become_a_header() -> None:
    """They are taken out of their escapes first."""
    proxy = proxy_for("http", "a.test", 80, {"http_proxy": "http://us%40er:pass@p.test:1"})
    assert proxy is not None
    assert proxy.headers == ["Proxy-Authorization: Basic dXNAZXI6cGFzcw=="]


@pytest.mark.parametrize("text", ["%zz", ":x:", "[::1"])
def test_what_is_no_url_names_no_proxy(text: str) -> None:
    """Go says nothing about it either."""
    assert proxy_for("http", "a.test", 80, {"HTTP_PROXY": text}) is None


def test_other_kinds_of_proxies_cannot_be_used() -> None:
    """Going past them would not be what was asked for."""
    proxy = proxy_for("http", "a.test", 80, {"HTTP_PROXY": "socks5://p.test:1080"})
    assert proxy is not None
    assert proxy.fault == "proxies of the scheme 'socks5' cannot be used, only http ones"
    far = proxy_for("http", "a.test", 80, {"HTTP_PROXY": "p.test:99999"})
    assert far is not None
    assert far.fault == "dial tcp: address 99999: invalid port"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_is_reached_directly(host: str) -> None:
    """Whatever the environment says."""
    assert proxy_for("http", host, 8500, HERE) is None


@pytest.mark.parametrize(
    ("no_proxy", "direct"),
    [
        ("*", True),
        ("x.test, *", True),
        ("agent.test", True),
        ("AGENT.test", True),
        ("test", True),
        ("gent.test", False),
        (".test", True),
        (".agent.test", False),
        ("*.test", True),
        ("*.agent.test", False),
        ("*test", False),
        ("agent.test:8500", True),
        ("agent.test:80", False),
        (".test:8500", True),
        (",,:8500,/,[,", False),
    ],
)
def test_domains_in_no_proxy_mean_all_below_them(no_proxy: str, direct: bool) -> None:
    """One that begins with a dot means only those; a port narrows it."""
    assert (proxy_for("http", "agent.test", 8500, {**HERE, "NO_PROXY": no_proxy}) is None) is direct


@pytest.mark.parametrize(
    ("no_proxy", "host", "direct"),
    [
        ("10.0.0.0/8", "10.1.2.3", True),
        ("10.1.0.0/16", "10.2.2.3", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3:8500", "10.1.2.3", True),
        ("10.1.2.3:1", "10.1.2.3", False),
        ("fd00::/8", "fd00::1", True),
        ("fd00::/8", "10.1.2.3", False),
        ("fd00::1", "fd00::1", True),
        ("[fd00::1]:8500", "fd00::1", True),
        ("[fd00::1]:1", "fd00::1", False),
        ("10.0.0.0/99", "10.1.2.3", False),
        ("10.1.2.3", "agent.test", False),
        ("[fd00::1]", "fd00::1", False),
        ("3", "10.1.2.3", False),
    ],
)
def test_addresses_and_networks_in_no_proxy(no_proxy: str, host: str, direct: bool) -> None:
    """They mean hosts that are given by their address."""
    assert (proxy_for("http", host, 8500, {**HERE, "no_proxy": no_proxy}) is None) is direct


@given(st.text(), st.text(), st.text())
def test_any_environment_is_read(proxy: str, no_proxy: str, host: str) -> None:
    """Without an error."""
    proxy_for("http", host, 80, {"HTTP_PROXY": proxy, "NO_PROXY": no_proxy})


PROXY = Proxy("p.test", 3128, "Basic eA==")


def test_a_tunnel_is_asked_for_with_the_credentials() -> None:
    """It leads through once the proxy has said so, in whatever pieces."""
    tunnel = Tunnel(PROXY, "agent.test:8501")
    assert tunnel.request == (
        b"CONNECT agent.test:8501 HTTP/1.1\r\nHost: agent.test:8501\r\n"
        b"User-Agent: Go-http-client/1.1\r\nProxy-Authorization: Basic eA==\r\n\r\n"
    )
    assert [tunnel.feed(bytes([byte])) for byte in b"HTTP/1.1 200 Fine\r\nA: b\r\n\r\n"] == [False] * 26 + [True]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (b"HTTP/1.1 407 Who are you\r\n\r\n", "Who are you"),
        (b"HTTP/1.1 403\r\n\r\n", "unknown status code"),
        (b"HTTP/1.1 403 \r\n\r\n", ""),
        (b"SSH-2.0-x\r\n\r\n", "malformed HTTP response"),
        (b"HTTP/1.1 what\r\n\r\n", "malformed HTTP response"),
        (b"x" * 70_000, "malformed HTTP response: its head is too long"),
        (b"", "EOF"),
    ],
)
def test_a_proxy_may_refuse(said: bytes, text: str) -> None:
    """The error is its own reason."""
    with pytest.raises(TunnelError) as caught:
        Tunnel(PROXY, "a:1").feed(said)
    assert str(caught.value) == text


def test_a_proxy_may_break_off() -> None:
    """In the middle of its answer."""
    tunnel = Tunnel(PROXY, "a:1")
    tunnel.feed(b"HTTP/1.1 200")
    with pytest.raises(TunnelError, match=r"^unexpected EOF$"):
        tunnel.feed(b"")
