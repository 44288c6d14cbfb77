"""An agent with ACLs on, and tokens for the asking."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pyconsul.server.state.acl import POLICIES, POLICIES_INDEX, TOKENS, TOKENS_INDEX, acl_index
from pyconsul.server.state.indexes import raise_index
from pyconsul.structs.acl import ACLLink, ACLPolicy, ACLToken
from pyconsul.telemetry import logging
from tests.door import DoorClient, leading_agent

DENY = """
acl { enabled = true default_policy = "deny" tokens { initial_management = "root" } }
"""


class Api(DoorClient):
    """Asks the door of one agent, as whoever ``token`` belongs to."""

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
async def with_acls(hcl: str = DENY, /, **flags: Any) -> AsyncGenerator[Api]:
    """A dev agent with local state and a leading server, and no port open; ``root`` may do everything."""
    async with leading_agent(hcl, local=True, **flags) as agent:
        yield Api(agent)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """An agent that denies what nobody allows."""
    async with with_acls() as made:
        yield made


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Log lines as they come, from the lowest level on."""
    found: list[str] = []
    monitor = logging.Monitor(logging.Level.TRACE, on_line=lambda: found.extend(monitor.take().splitlines()))
    monitor.start()
    yield found
    monitor.stop()
