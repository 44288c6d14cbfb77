"""A small HTTP server that stands where a cloud stands, and look-ups that talk to it."""

from __future__ import annotations

import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import pytest
from aiohttp import web

from pyconsul.lang.joinstring import parse_settings
from pyconsul.telemetry.logging import Level
from pyconsul.toolkit.discovery import Lookup


@dataclass(frozen=True)
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Reply:
    """An answer that is more than a JSON body."""

    body: object = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])


Answer = Callable[[Seen], object]


@dataclass
class Cloud:
    """A running server: where it is, and what it was asked."""

    url: str
    seen: list[Seen] = field(default_factory=list[Seen])

    @property
    def host(self) -> str:
        """``host:port``."""
        return self.url.partition("://")[2]


class Clouds(Protocol):
    """Starts servers."""

    def __call__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> Awaitable[Cloud]:
        """A server that answers by a function of the request: a Reply, or what becomes JSON."""
        ...


@pytest.fixture
async def cloud() -> AsyncIterator[Clouds]:
    """Starts servers that end with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(answer: Answer, tls: ssl.SSLContext | None = None) -> Cloud:
            seen: list[Seen] = []

            async def handle(request: web.Request) -> web.Response:
                asked = Seen(request.method, request.path, request.query, request.headers, await request.read())
                seen.append(asked)
                given = answer(asked)
                reply = given if isinstance(given, Reply) else Reply(given)
                if isinstance(reply.body, bytes):
                    return web.Response(body=reply.body, status=reply.status, headers=reply.headers)
                return web.json_response(reply.body, status=reply.status, headers=reply.headers)

            app = web.Application()
            app.router.add_route("*", "/{path:.*}", handle)
            runner = web.AppRunner(app)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
            await site.start()
            host, port = runner.addresses[0][:2]
            return Cloud(f"{'https' if tls else 'http'}://{host}:{port}", seen)

        yield start


class Asked(Lookup, frozen=True):
    """A look-up that keeps what it was told."""

    lines: list[str] = msgspec.field(default_factory=list[str])


class Asks(Protocol):
    """Makes look-ups."""

    def __call__(self, text: str, **environ: str) -> Asked:
        """A look-up from a configuration string and an environment of its own."""
        ...


@pytest.fixture
def ask() -> Asks:
    """Makes look-ups."""

    def make(text: str, **environ: str) -> Asked:
        settings = parse_settings(text)
        lines: list[str] = []

        def keep(level: Level, line: str) -> None:
            lines.append(f"{level.name} {line}")

        return Asked(settings["provider"], settings, keep, environ, lines=lines)

    return make
