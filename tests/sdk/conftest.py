"""A scripted HTTP agent on plain sockets, and one test body for both clients."""

from __future__ import annotations

import asyncio
import inspect
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pytest

from pyconsul.sdk import AsyncClient, Client, Retry, Settings
from tests.certificates import self_signed

FAST = Retry(attempts=3, base=0.001)


@dataclass
class Asked:
    """One request as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int


def plain_answer(body: bytes = b"", status: int = 200, /, **headers: str) -> bytes:
    """A whole answer with its length; ``X_Consul_Index`` in ``headers`` becomes ``X-Consul-Index``."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


CLOSE = b""
"""The piece at which a scripted agent closes the connection."""

KEY = b'[{"Key":"a","Value":"eA=="}]'
"""What an agent says of the key ``a``."""


def the_key(asked: Asked) -> bytes:
    """The key ``a`` as the answer to whatever was asked."""
    return plain_answer(KEY)


Answering = Callable[[Asked], bytes | Iterable[bytes]]


@dataclass
class StubAgent:
    """Answers each request with what ``answer(asked)`` returns: bytes, or pieces that may end with CLOSE."""

    listener: socket.socket
    tls: ssl.SSLContext | None = None
    answer: Answering = lambda asked: plain_answer(b"null")
    asked: list[Asked] = field(default_factory=list[Asked])
    connections: list[socket.socket] = field(default_factory=list[socket.socket])

    @property
    def address(self) -> str:
        """Where it listens, as a client's settings want it."""
        name = self.listener.getsockname()
        if isinstance(name, str):
            return f"unix://{name}"
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{name[1]}"

    @property
    def last(self) -> Asked:
        """The newest request."""
        return self.asked[-1]

    def serve(self) -> None:
        """Accept until the listener is closed."""
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(sock)
            threading.Thread(target=self._talk, args=(sock, len(self.connections) - 1), daemon=True).start()

    def close(self) -> None:
        """Stop listening and drop every connection."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in self.connections:
            sock.close()

    def _talk(self, sock: socket.socket, number: int) -> None:
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            with sock, sock.makefile("rb") as stream:
                while (asked := _read(stream, number)) is not None:
                    self.asked.append(asked)
                    pieces = self.answer(asked)
                    for piece in [pieces] if isinstance(pieces, bytes) else pieces:
                        if piece == CLOSE:
                            return
                        sock.sendall(piece)
        except (OSError, ValueError):
            return


def _read(stream: BinaryIO, number: int) -> Asked | None:
    line = stream.readline()
    if not line:
        return None
    method, target, _ = line.decode().split(" ")
    headers: dict[str, str] = {}
    while (line := stream.readline().rstrip(b"\r\n")) != b"":
        name, _, value = line.decode().partition(": ")
        headers[name.lower()] = value
    body = b""
    if headers.get("transfer-encoding") == "chunked":
        while size := int(stream.readline(), 16):
            body += stream.read(size + 2)[:-2]
        stream.readline()
    elif "content-length" in headers:
        body = stream.read(int(headers["content-length"]))
    return Asked(method, target, headers, body, number)


@pytest.fixture
def stub() -> Iterator[StubAgent]:
    """A scripted agent on a free TCP port."""
    yield from started(StubAgent(socket.create_server(("127.0.0.1", 0))))


@pytest.fixture
def unix_stub(tmp_path: Path) -> Iterator[StubAgent]:
    """A scripted agent on a unix socket."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(tmp_path / "http.sock"))
    listener.listen()
    yield from started(StubAgent(listener))


def started(stub: StubAgent) -> Iterator[StubAgent]:
    """Serve in a thread while the test runs."""
    thread = threading.Thread(target=stub.serve, daemon=True)
    thread.start()
    yield stub
    stub.close()
    thread.join(60)


class Either:
    """One of the two clients behind one face: called with ``work(client)`` it gives the plain result."""

    def __init__(self, kind: str, settings: Settings) -> None:
        self.kind = kind
        self.client: Any = AsyncClient(settings) if kind == "async" else Client(settings)
        self.loop = asyncio.new_event_loop() if kind == "async" else None

    def __call__(self, work: Callable[[Any], Any]) -> Any:
        """Do ``work`` and return what it returns, awaited if need be."""
        return self.settle(work(self.client))

    def settle(self, result: Any) -> Any:
        """Await what the async client gives."""
        if self.loop is not None and inspect.isawaitable(result):

            async def awaited() -> Any:
                return await result

            return self.loop.run_until_complete(asyncio.wait_for(awaited(), 60))
        return result

    def take(self, count: int, work: Callable[[Any], Any]) -> list[Any]:
        """The first ``count`` elements of an iterator that the client gives."""
        if self.loop is None:
            iterator = work(self.client)
            return [next(iterator) for _ in range(count)]

        async def collect() -> list[Any]:
            iterator = work(self.client)
            found = [await anext(iterator) for _ in range(count)]
            await iterator.aclose()
            return found

        return self.settle(collect())

    def end(self, stream: Any) -> None:
        """Close a stream that the client gave."""
        self.settle(stream.close() if self.loop is None else stream.aclose())

    def close(self) -> None:
        """Close the client."""
        if self.loop is None:
            self.client.close()
        else:
            self.settle(self.client.aclose())
            self.loop.close()


class MakeClient(Protocol):
    """Makes clients."""

    def __call__(self, address: str, **settings: Any) -> Either:
        """A client of the agent at ``address``; ``settings`` are the other ones of ``Settings``."""
        ...


@pytest.fixture(params=["async", "blocking"])
def make_client(request: pytest.FixtureRequest) -> Iterator[MakeClient]:
    """Makes either client for given settings; the test runs once for each."""
    made: list[Either] = []

    def make(address: str, **settings: Any) -> Either:
        settings.setdefault("retry", FAST)
        made.append(Either(request.param, Settings(address=address, **settings)))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: MakeClient, stub: StubAgent) -> Either:
    """Either client of the scripted agent."""
    return make_client(stub.address)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 and "agent.test", with its key, in one file."""
    return write_certificate(tmp_path_factory.mktemp("tls") / "agent.pem", datetime.now(UTC) - timedelta(hours=1))


def write_certificate(path: Path, start: datetime) -> Path:
    """``path`` with a certificate and its key that is good for a day from ``start``."""
    path.write_bytes(b"".join(self_signed("agent.test", "agent.test", "127.0.0.1", start=start)))
    return path


@pytest.fixture
def tls_stub(stub: StubAgent, certificate: Path) -> StubAgent:
    """The scripted agent behind TLS; it asks for a client certificate and goes without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.load_verify_locations(certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    stub.tls = context
    stub.answer = the_key
    return stub
