"""Probes, and little servers for them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from pyconsul.agent.checks.probes import MakeContext, Probe, ProbeSettings, Result, probe_of
from pyconsul.agent.checks.runner import plain_tls
from pyconsul.structs.checks import CheckType

SECOND = 1_000_000_000


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


Serve = Callable[[Handler], Awaitable[int]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts TCP servers on free ports; they go away with the test."""
    servers: list[asyncio.Server] = []

    async def start(handler: Handler) -> int:
        async def close_after(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError):
                await handler(reader, writer)
            writer.close()

        server = await asyncio.start_server(close_after, "127.0.0.1", 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield start
    for server in servers:
        server.close()


def probe(limit: int = 4096, tls: MakeContext = plain_tls, **fields: Any) -> Probe:
    """The probe of a check with these fields."""
    given: dict[str, Any] = {"Interval": SECOND, "Timeout": 5 * SECOND, **fields}
    kind = CheckType(**given)
    return probe_of(kind.kind(), ProbeSettings("c", kind, limit, tls))


async def attempt(limit: int = 4096, tls: MakeContext = plain_tls, **fields: Any) -> Result:
    """One attempt of the check with these fields."""
    return await probe(limit, tls, **fields).attempt()


def answering(response: bytes, seen: list[bytes] | None = None) -> Handler:
    """A server that reads one request head and says this."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(head)
        writer.write(response)
        await writer.drain()

    return handler


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A server that listens and never answers."""
    del writer
    await reader.read()


OK = [("grpc-status", "0")]
