"""Agents behind an HTTP proxy, which the environment names as for Consul's own programs."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyconsul.sdk import Retry, errors
from pyconsul.sdk.settings import TLS
from pyconsul.testing.ports import free_port
from tests.sdk.conftest import MakeClient, StubAgent, the_key

AGENT = "agent.test"  # nobody knows this name but the proxy


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxies but those of the test."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


class TunnelProxy:
    """Passes connections on to ``target``, wherever they are meant to go, unless it has something else to ``say``."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.target = target
        self.asked: list[str] = []
        self.say = b"HTTP/1.1 200 OK\r\n\r\n"
        threading.Thread(target=self._serve, daemon=True).start()

    @property
    def url(self) -> str:
        """As the environment names it."""
        return f"http://me:secret@127.0.0.1:{self.listener.getsockname()[1]}"

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with client.makefile("rb") as lines:
                self.asked.append("".join(iter(lambda: lines.readline().decode(), "\r\n")))
            client.sendall(self.say)
            if not self.say.startswith(b"HTTP/1.1 200"):
                client.close()
                continue
            agent = socket.create_connection(self.target)
            for one, other in ((client, agent), (agent, client)):
                threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(65536):
            other.sendall(data)
    except OSError:
        pass  # the test is over
    finally:
        one.close()
        other.close()


@pytest.fixture
def tunnel(tls_stub: StubAgent) -> Iterator[TunnelProxy]:
    """A proxy that leads to the scripted agent with TLS."""
    proxy = TunnelProxy(tls_stub.listener.getsockname())
    yield proxy
    proxy.listener.shutdown(socket.SHUT_RDWR)
    proxy.listener.close()


def test_a_plain_request_goes_to_the_proxy(
    make_client: MakeClient, stub: StubAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It tells the whole URL, and who asks."""
    monkeypatch.setenv("HTTP_PROXY", stub.address.replace("http://", "http://me:secret@"))
    stub.answer = the_key
    client = make_client(f"{AGENT}:8500")
    for _ in range(2):
        assert client(lambda c: c.kv.get("a")).Key == "a"
    assert stub.last.target == f"http://{AGENT}:8500/v1/kv/a"
    assert stub.last.headers["host"] == f"{AGENT}:8500"
    assert stub.last.headers["proxy-authorization"] == "Basic bWU6c2VjcmV0"
    assert len(stub.connections) == 1


def test_exceptions_are_reached_directly(
    make_client: MakeClient, stub: StubAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And agents on this machine always."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    stub.answer = the_key
    assert make_client(stub.address)(lambda c: c.kv.get("a")).Key == "a"
    assert stub.last.target == "/v1/kv/a"
    monkeypatch.setenv("NO_PROXY", ".test")
    with pytest.raises(errors.TransportError, match="no such host"):
        make_client(f"{AGENT}:8500", retry=Retry.NEVER)(lambda c: c.kv.get("a"))


def test_tls_goes_through_a_tunnel(
    make_client: MakeClient,
    tls_stub: StubAgent,
    tunnel: TunnelProxy,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To the agent itself, so the proxy sees nothing of it."""
    monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
    client = make_client(f"https://{AGENT}:8501", tls=TLS(ca_file=str(certificate)))
    assert client(lambda c: c.kv.get("a")).Key == "a"
    assert tunnel.asked[0].splitlines()[0] == f"CONNECT {AGENT}:8501 HTTP/1.1"
    assert "Proxy-Authorization: Basic bWU6c2VjcmV0" in tunnel.asked[0]
    assert tls_stub.last.target == "/v1/kv/a"
    assert "proxy-authorization" not in tls_stub.last.headers


@pytest.mark.parametrize(
    ("say", "reason"),
    [(b"HTTP/1.1 403 Not for you\r\n\r\n", "Not for you"), (b"HTTP/1.1 2", "unexpected EOF"), (b"", "EOF")],
)
def test_a_proxy_that_refuses_is_told(
    make_client: MakeClient, tunnel: TunnelProxy, monkeypatch: pytest.MonkeyPatch, say: bytes, reason: str
) -> None:
    """In Go's words; the request was not sent."""
    monkeypatch.setenv("HTTPS_PROXY", tunnel.url)
    tunnel.say = say
    client = make_client(f"https://{AGENT}:8501", retry=Retry.NEVER)
    with pytest.raises(errors.TransportError) as caught:
        client(lambda c: c.kv.get("a"))
    assert caught.value.reason == reason
    assert not caught.value.sent


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there_is_told(
    make_client: MakeClient, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """With its address, not the agent's; neither is one of a kind that cannot be used passed by."""
    port = free_port()
    monkeypatch.setenv(f"{scheme}_proxy", f"127.0.0.1:{port}")
    refused = make_client(f"{scheme}://{AGENT}:8500", retry=Retry.NEVER)
    with pytest.raises(errors.TransportError) as caught:
        refused(lambda c: c.kv.get("a"))
    assert caught.value.reason == f"proxyconnect tcp: dial tcp 127.0.0.1:{port}: connect: connection refused"
    monkeypatch.setenv(f"{scheme}_proxy", "socks5://127.0.0.1:1080")
    unusable = make_client(f"{scheme}://{AGENT}:8500", retry=Retry.NEVER)
    with pytest.raises(errors.TransportError, match="proxyconnect tcp: proxies of the scheme 'socks5' cannot be used"):
        unusable(lambda c: c.kv.get("a"))
