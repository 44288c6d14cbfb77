"""An agent with open sockets, and a client that sends and reads bytes."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec
import pytest
import uvloop

from pyconsul.agent.agent import Agent
from pyconsul.config import load
from pyconsul.config.runtime import Address
from tests.certificates import self_signed


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Connections are tried on both loops that an agent may run on: their transports differ where it matters."""
    if item.path.name in ("test_front_connections.py", "test_front_tls.py"):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@asynccontextmanager
async def running(hcl: str = "", **changes: Any) -> AsyncGenerator[Agent]:
    """An agent on a free port of the loopback, in memory; ``changes`` are put into its configuration."""
    loaded = load({"dev": True, "node": "here", "bind": "127.0.0.1", "log-level": "WARN", "hcl": [hcl]}, {})
    addresses = {"http_addrs": (Address("tcp", "127.0.0.1", 0),), "dns_addrs": ()} | changes
    agent = Agent(msgspec.structs.replace(loaded.runtime, **addresses))
    await agent.start()
    try:
        yield agent
    finally:
        await agent.stop()


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply as it came over the wire; header names are lower case."""

    status: int
    version: str
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Wire:
    """One connection to an agent."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    left: bytes = field(default=b"")

    def pause(self) -> None:
        """Take nothing more off the socket."""
        self._transport.pause_reading()

    def resume(self) -> None:
        """Take what came, and what comes."""
        self._transport.resume_reading()

    @property
    def _transport(self) -> Any:  # which reads as well, whatever its stream says
        return self.writer.transport

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)

    async def get(self, path: str, *headers: str, method: str = "GET", body: bytes = b"") -> Answer:
        """One request and its answer."""
        self.send(request(path, *headers, method=method, body=body))
        return await self.answer(head_only=method == "HEAD")

    async def answer(self, *, head_only: bool = False) -> Answer:
        """The next reply."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("utf-8", "surrogateescape")
        first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        version, status, _ = first.split(" ", 2)
        if head_only or status == "100":
            body = b""
        elif "content-length" in headers:
            body = await self.reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            body = await self._chunks()
        else:
            body = await self.reader.read()
        return Answer(int(status), version, headers, body)

    async def rest(self) -> bytes:
        """All that comes until the other side closes."""
        with suppress(ConnectionResetError):
            return await self.reader.read()
        return b""

    async def _chunks(self) -> bytes:
        pieces: list[bytes] = []
        while size := int(await self.reader.readline(), 16):
            pieces.append(await self.reader.readexactly(size))
            await self.reader.readline()
        await self.reader.readline()
        return b"".join(pieces)

    async def close(self) -> None:
        """Close it."""
        self.writer.close()
        with suppress(OSError):  # resets, and TLS's alerts
            await self.writer.wait_closed()


def request(path: str, *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """A request as bytes."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def write_certificate(folder: Path, name: str) -> tuple[str, str]:
    """A self-signed certificate for localhost and its key; returns their paths."""
    paths = folder / f"{name}.pem", folder / f"{name}-key.pem"
    for path, data in zip(paths, self_signed(name), strict=True):
        path.write_bytes(data)
    return str(paths[0]), str(paths[1])


def client_context(certificate: tuple[str, str] | None = None) -> ssl.SSLContext:
    """A client that trusts anybody."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(*certificate)
    return context


@asynccontextmanager
async def connected(agent: Agent, tls: ssl.SSLContext | None = None, *, https: bool = False) -> AsyncGenerator[Wire]:
    """A connection to the agent's first HTTP listener; with ``https``, or over TLS, to that for HTTPS."""
    address = agent.listeners.https_address if https or tls is not None else agent.http_address
    if address.startswith("unix://"):
        wire = Wire(*await asyncio.open_unix_connection(address.removeprefix("unix://")))
    else:
        host, _, port = address.rpartition(":")
        wire = Wire(*await asyncio.open_connection(host.strip("[]"), int(port), ssl=tls))
    try:
        yield wire
    finally:
        await wire.close()


@pytest.fixture(name="agent")
async def agent_fixture() -> AsyncIterator[Agent]:
    """A running agent."""
    async with running() as agent:
        yield agent


@pytest.fixture(name="wire")
async def wire_fixture(agent: Agent) -> AsyncIterator[Wire]:
    """A connection to it."""
    async with connected(agent) as wire:
        yield wire


Certificates = Callable[[str], tuple[str, str]]


@pytest.fixture(name="certificate")
def certificate_fixture(tmp_path: Path) -> Certificates:
    """Makes certificates: paths of one with that name, and of its key."""
    return lambda name: write_certificate(tmp_path, name)


class RunHttps(Protocol):
    """Runs agents with HTTPS."""

    def __call__(self, hcl: str = "", more: str = "", **changes: Any) -> AbstractAsyncContextManager[Agent]:
        """As ``running``; ``more`` are keys of the TLS of HTTPS."""
        ...


@pytest.fixture(name="run_https")
def run_https_fixture(certificate: Certificates) -> RunHttps:
    """Runs agents with HTTPS: ``async with run_https(hcl, keys_of_tls) as agent``."""

    def run(hcl: str = "", more: str = "", **changes: Any) -> AbstractAsyncContextManager[Agent]:
        cert, key = certificate("server")
        tls = f'tls {{ https {{ cert_file = "{cert}" key_file = "{key}" {more} }} }}'
        return running(tls + hcl, https_addrs=(Address("tcp", "127.0.0.1", 0),), **changes)

    return run
