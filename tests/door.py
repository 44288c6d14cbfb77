"""An agent asked at its door: routes, guards, errors and headers as over HTTP, and no socket is opened."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pyconsul.agent.agent import Agent
from pyconsul.agent.http.request import Request
from pyconsul.config.loading import load


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and body of one reply; the body of a stream is not read."""

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


class DoorClient:
    """Asks the door of one agent; a path that does not begin with a slash is ``below`` that one."""

    def __init__(self, agent: Agent, below: str = "/v1/", token: str = "") -> None:
        self.agent = agent
        self._below = below
        self._token = token

    def request(self, method: str, url: str, body: Any = b"", token: str | None = None, **headers: str) -> Request:
        """A request; a body that is no bytes goes as JSON, ``_`` in the name of a header stands for ``-``."""
        path, _, query = url.partition("?")
        whole = path if path.startswith("/") else self._below + path
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {name.lower().replace("_", "-"): value for name, value in headers.items()}
        if secret := self._token if token is None else token:
            sent["x-consul-token"] = secret
        return Request(self.agent, method, whole, whole, query, sent, raw, "127.0.0.1:1")

    async def ask(self, method: str, url: str, body: Any = b"", token: str | None = None, **headers: str) -> Answer:
        """One request, made as ``request`` says, and its answer."""
        reply, found = await self.agent.door.answer(self.request(method, url, body, token, **headers))
        return Answer(reply.status, dict(found), b"" if reply.stream else reply.body(pretty=False))

    async def get(self, url: str, token: str | None = None, **headers: str) -> Answer:
        """A GET."""
        return await self.ask("GET", url, token=token, **headers)

    async def put(self, url: str, body: Any = b"", token: str | None = None) -> Answer:
        """A PUT."""
        return await self.ask("PUT", url, body, token)


@asynccontextmanager
async def leading_agent(hcl: str = "", *, local: bool = False, **flags: Any) -> AsyncGenerator[Agent, None]:
    """A dev agent whose server leads; with ``local`` its own services and checks live, too. Raises ConfigError."""
    given = {"dev": True, "node": "here", "bind": "127.0.0.1", "log-level": "ERROR", "hcl": [hcl], **flags}
    agent = Agent(load(given, {}).runtime, lambda: load(given, {}).runtime)
    agent.load_tokens()
    await agent.server.start()
    if local:
        agent.local_work.start()
    try:
        yield agent
    finally:
        if local:
            await agent.local_work.stop()
            await agent.syncer.stop()
        agent.cache.stop()
        await agent.server.stop()
