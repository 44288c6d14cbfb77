"""An agent with ACLs on, and tokens for the asking."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from pyconsul.agent.agent import Agent
from pyconsul.agent.http.request import Request
from pyconsul.config import load
from pyconsul.server.state.acl import POLICIES, POLICIES_INDEX, TOKENS, TOKENS_INDEX, acl_index
from pyconsul.server.state.indexes import raise_index
from pyconsul.structs.acl import ACLLink, ACLPolicy, ACLToken
from pyconsul.telemetry import logging

DENY = """
acl { enabled = true default_policy = "deny" tokens { initial_management = "root" } }
"""


@dataclass(frozen=True, slots=True)
class Answer:
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


@dataclass(frozen=True, slots=True)
class Api:
    """Asks the door of one agent, as whoever ``token`` belongs to."""

    agent: Agent

    async def ask(self, method: str, path: str, token: str = "", body: Any = b"") -> Answer:
        """One request and its whole answer; a body that is no bytes goes as JSON."""
        where, _, query = path.partition("?")
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"x-consul-token": token} if token else {}
        request = Request(self.agent, method, where, where, query, headers, raw, "127.0.0.1:1")
        reply, found = await self.agent.door.answer(request)
        return Answer(reply.status, dict(found), b"" if reply.stream else reply.body(pretty=False))

    async def get(self, path: str, token: str = "") -> Answer:
        """A GET."""
        return await self.ask("GET", path, token)

    async def put(self, path: str, token: str = "", body: Any = b"") -> Answer:
        """A PUT."""
        return await self.ask("PUT", path, token, body)

    def grant(self, rules: str, token: ACLToken | None = None) -> str:
        """The secret of a token, a new one unless it is given, with these rules."""
        db = self.agent.server.db
        policy = ACLPolicy(ID=str(uuid.uuid4()), Name=str(uuid.uuid4()), Rules=rules)
        token = token or ACLToken(AccessorID=str(uuid.uuid4()), SecretID=str(uuid.uuid4()))
        index = acl_index(db) + 1
        with db.transaction():
            db.put(POLICIES, policy)
            db.put(TOKENS, _with_policy(token, policy))
            raise_index(db, index, TOKENS_INDEX, POLICIES_INDEX)
        return token.SecretID


def _with_policy(token: ACLToken, policy: ACLPolicy) -> ACLToken:
    return ACLToken(AccessorID=token.AccessorID, SecretID=token.SecretID, Policies=[ACLLink(ID=policy.ID)])


@asynccontextmanager
async def with_acls(hcl: str = DENY, **flags: Any) -> AsyncIterator[Api]:
    """A dev agent with local state and a leading server, and no port open; ``root`` may do everything."""
    given = {"dev": True, "node": "here", "bind": "127.0.0.1", "hcl": [hcl], **flags}
    agent = Agent(load(given, {}).runtime, lambda: load(given, {}).runtime)
    await agent.server.start()
    agent.local_work.start()
    try:
        yield Api(agent)
    finally:
        await agent.local_work.stop()
        await agent.syncer.stop()
        agent.cache.stop()
        await agent.server.stop()


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """An agent that denies what nobody allows."""
    async with with_acls() as made:
        yield made


def until(claim: Callable[[], bool]) -> None:
    """Return when a claim about an agent in another thread is true; fail when it is not within ten seconds."""
    patience = time.monotonic() + 10
    while not claim():
        assert time.monotonic() < patience, "it never came true"
        time.sleep(0.01)


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Log lines as they come, from the lowest level on."""
    found: list[str] = []
    monitor = logging.Monitor(logging.Level.TRACE, on_line=lambda: found.extend(monitor.take().splitlines()))
    monitor.start()
    yield found
    monitor.stop()
