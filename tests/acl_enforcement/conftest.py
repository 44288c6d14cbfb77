"""An agent that denies by default, tokens with any rules, and answers as one line of text."""

from __future__ import annotations

import http.client
import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest

from pyconsul.agent.agent import Agent
from pyconsul.server.state.acl import POLICIES, POLICIES_INDEX, TOKENS, TOKENS_INDEX, acl_index
from pyconsul.server.state.indexes import raise_index
from pyconsul.structs.acl import ANONYMOUS_ACCESSOR, ANONYMOUS_SECRET, ACLLink, ACLPolicy, ACLToken
from pyconsul.structs.wire import UNSET
from pyconsul.testing import InProcessAgent
from tests.plain import Plain

_LACKS = re.compile(
    r"Permission denied: (?:token with AccessorID '[0-9a-f-]*'|anonymous token) lacks permission '([a-z:]+)'"
    r'(?: on "([^"]*)")?(?:\. The anonymous token is used .*)?$'
)
# What stands for a row in an answer: the first of these that it has.
_NAMES = (
    *("Key", "KV", "Query", "State", "CheckID", "ServiceID", "Service", "Services", "SourceName", "Name", "Node"),
    *("ID", "Kind", "Datacenter"),
)


def brief(value: Plain) -> str:
    """A JSON value in a word or a few: rows by their names, objects without one by their keys."""
    if isinstance(value, list):
        return " ".join(brief(one) for one in value)
    if isinstance(value, dict):
        found = next((value[name] for name in _NAMES if value.get(name)), None)
        return " ".join(sorted(value)) if found is None else brief(found)
    return str(value)


def outcome(status: int, headers: dict[str, str], body: bytes) -> str:
    """An answer in one line: ``200 web db filtered``, ``403 key:read on a``, ``403`` for a bare refusal."""
    text = body.decode()
    if status == 403:
        lacks = _LACKS.fullmatch(text)
        if lacks is not None:
            return f"403 {lacks[1]}" + (f" on {lacks[2]}" if lacks[2] else "")
        return "403" if text == "Permission denied" else f"403 {text}"
    shown = brief(json.loads(text)) if text and headers.get("content-type") == "application/json" else text
    filtered = "filtered" if headers.get("x-consul-results-filtered-by-acls") == "true" else ""
    return " ".join(part for part in (str(status), shown, filtered) if part)


class Guarded:
    """A running agent and its tokens; rows are written past the API, so that only enforcement is under test."""

    def __init__(self, agent: InProcessAgent) -> None:
        self.agent = agent
        self.accessors: dict[str, str] = {}
        self.root = agent.management_token
        self.token("", secret=ANONYMOUS_SECRET, accessor=ANONYMOUS_ACCESSOR)

    def token(self, rules: str, *, secret: str = "", accessor: str = "", expires: datetime | None = None) -> str:
        """The secret of a new token with these rules."""
        secret = secret or str(uuid.uuid4())
        accessor, policy = accessor or str(uuid.uuid4()), str(uuid.uuid4())
        self.accessors[secret] = accessor
        row = ACLToken(
            AccessorID=accessor,
            SecretID=secret,
            Policies=[ACLLink(ID=policy)],
            ExpirationTime=expires.isoformat().replace("+00:00", "Z") if expires else UNSET,
        )
        self._put(policy, rules, row)
        return secret

    def change_rules(self, secret: str, rules: str) -> None:
        """Other rules for a token's policy."""

        async def work(agent: Agent) -> None:
            token = agent.server.db.get(TOKENS, self.accessors[secret])
            assert token is not None and token.Policies
            with agent.server.db.transaction():
                agent.server.db.put(POLICIES, ACLPolicy(ID=token.Policies[0].ID, Name="changed", Rules=rules))
                raise_index(agent.server.db, acl_index(agent.server.db) + 1, POLICIES_INDEX)

        self.agent.run(work)

    def revoke(self, secret: str) -> None:
        """Delete a token."""

        async def work(agent: Agent) -> None:
            with agent.server.db.transaction():
                agent.server.db.delete(TOKENS, self.accessors[secret])
                raise_index(agent.server.db, acl_index(agent.server.db) + 1, TOKENS_INDEX)

        self.agent.run(work)

    def ask(self, request: str, token: str = "", body: Any = None, **headers: str) -> str:
        """The outcome of a request such as ``GET /v1/kv/a``."""
        return outcome(*self.answer(request, token, body, **headers))

    def answer(
        self, request: str, token: str = "", body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (names in lower case) and body."""
        method, _, path = request.partition(" ")
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        door = http.client.HTTPConnection(self.agent.http_address, timeout=20)
        try:
            door.request(method, path, body=data, headers={"X-Consul-Token": token, **headers} if token else headers)
            reply = door.getresponse()
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
        finally:
            door.close()

    def must(self, request: str, body: Any = None) -> Any:
        """What management gets for a request that must succeed."""
        status, headers, found = self.answer(request, self.root, body)
        assert status == 200, found
        return json.loads(found) if headers.get("content-type") == "application/json" and found else None

    def _put(self, policy: str, rules: str, token: ACLToken) -> None:
        async def work(agent: Agent) -> None:
            db = agent.server.db
            with db.transaction():
                db.put(POLICIES, ACLPolicy(ID=policy, Name=policy, Rules=rules))
                db.put(TOKENS, token)
                raise_index(db, acl_index(db) + 1, POLICIES_INDEX, TOKENS_INDEX)

        self.agent.run(work)


def guarded_agent(config: str = "") -> Iterator[Guarded]:
    """An agent with ACLs on, all denied by default."""
    with InProcessAgent(acl=True, config=config) as agent:
        yield Guarded(agent)


@pytest.fixture(name="guarded")
def guarded_fixture() -> Iterator[Guarded]:
    """A fresh agent."""
    yield from guarded_agent()


@pytest.fixture(name="guarded_with")
def guarded_with_fixture() -> Iterator[Callable[[str], Guarded]]:
    """Agents that are configured otherwise: ``guarded_with("acl { enable_key_list_policy = true }")``."""
    running: list[Iterator[Guarded]] = []

    def start(config: str) -> Guarded:
        running.append(guarded_agent(config))
        return next(running[-1])

    yield start
    for agent in running:
        next(agent, None)


Table = list[tuple[str, str, str]]


@pytest.fixture(name="check")
def check_fixture(guarded: Guarded) -> Callable[..., None]:
    """Walks a table of (token, request, outcome); the token is a name in ``rules``."""

    def check(rules: dict[str, str], table: Table, bodies: dict[str, Any] | None = None) -> None:
        secrets = {name: guarded.token(text) for name, text in rules.items()}
        found = [
            (who, request, guarded.ask(request, secrets.get(who, ""), (bodies or {}).get(request)))
            for who, request, _ in table
        ]
        assert found == table

    return check
