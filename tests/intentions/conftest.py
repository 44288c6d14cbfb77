"""An agent without sockets, asked through its door."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest_asyncio

from pyconsul.agent.agent import Agent
from pyconsul.agent.http.request import Request
from pyconsul.config import load


class Answer(NamedTuple):
    """Status, headers and body of one reply."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        """The body as JSON."""
        return json.loads(self.raw)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.raw.decode()


class Api:
    """Asks the door of one agent."""

    def __init__(self, agent: Agent) -> None:
        self.agent = agent

    async def ask(self, method: str, url: str, body: Any = b"") -> Answer:
        """One request; a body that is no bytes goes as JSON."""
        path, _, query = url.partition("?")
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = Request(self.agent, method, "/v1/" + path, "/v1/" + path, query, {}, raw, "127.0.0.1:1")
        reply, headers = await self.agent.door.answer(request)
        return Answer(reply.status, dict(headers), reply.body(pretty=False))

    async def allow(self, source: str, destination: str, action: str = "allow") -> Answer:
        """Write one intention."""
        url = f"connect/intentions/exact?source={source}&destination={destination}"
        return await self.ask("PUT", url, {"Action": action})


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Api]:
    """A dev agent whose server leads; no port is opened."""
    agent = Agent(load({"dev": True, "node": "here", "bind": "127.0.0.1"}, {}).runtime)
    await agent.server.start()
    yield Api(agent)
    agent.cache.stop()
    await agent.server.stop()
