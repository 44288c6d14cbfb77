"""A token that is revoked, runs out or gets other rules is answered otherwise at once, whatever was kept before."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pyconsul.agent.agent import Agent
from tests.acl_enforcement.conftest import Guarded
from tests.insides import kept_replies, shared_reads
from tests.waiting import comes_true

READS = 'key_prefix "" { policy = "read" } node_prefix "" { policy = "read" } service_prefix "" { policy = "read" }'
LESS = 'key "other" { policy = "read" } node "n2" { policy = "read" }'
# What is asked, what it gives with READS, and with LESS.
ASKED = [
    ("GET /v1/kv/a", "200 a", "403 key:read on a"),
    ("GET /v1/kv/?keys", "200 a other", "200 other filtered"),
    ("GET /v1/catalog/service/web", "200 web", "200 filtered"),
    ("GET /v1/catalog/service/web?cached", "200 web", "200 filtered"),
    ("GET /v1/catalog/services?cached", "200 consul web", "200 filtered"),
    ("GET /v1/catalog/connect/web?cached", "200", "200"),
    ("GET /v1/health/service/web", "200 web", "200 filtered"),
    ("GET /v1/health/service/web?cached", "200 web", "200"),
    ("GET /v1/health/connect/web", "200", "403"),
    ("GET /v1/session/list", "200", "200"),
]
NOT_FOUND = "403 ACL not found"


@pytest.fixture(name="data", autouse=True)
def data_fixture(guarded: Guarded) -> None:
    """Two keys, a service, and a node without any."""
    for key in ("a", "other"):
        guarded.must(f"PUT /v1/kv/{key}", b"v")
    guarded.must("PUT /v1/catalog/register", {"Node": "n1", "Address": "10.0.0.1", "Service": {"Service": "web"}})
    guarded.must("PUT /v1/catalog/register", {"Node": "n2", "Address": "10.0.0.2"})


@pytest.fixture(name="clock")
def clock_fixture(guarded: Guarded) -> Iterator[Callable[[timedelta], None]]:
    """Moves the time by which tokens expire."""
    resolver = guarded.agent.agent.server.acl
    kept = resolver.now

    def go_on(by: timedelta) -> None:
        resolver.now = lambda: datetime.now(UTC) + by

    yield go_on
    resolver.now = kept


def answers(guarded: Guarded, token: str) -> list[str]:
    """The outcomes of all questions, each asked three times: read, kept, and from what was kept."""
    found = [{guarded.ask(request, token) for _ in range(3)} for request, _, _ in ASKED]
    assert all(len(outcomes) == 1 for outcomes in found)
    return [outcome for outcomes in found for outcome in outcomes]


def test_a_revoked_token_gets_nothing_that_was_kept_for_it(guarded: Guarded) -> None:
    """Kept replies and cached answers are gone with it, for others they stay right."""
    token, other = guarded.token(READS), guarded.token(READS)
    assert answers(guarded, token) == answers(guarded, other) == [first for _, first, _ in ASKED]
    guarded.revoke(token)
    assert answers(guarded, token) == [NOT_FOUND] * len(ASKED)
    assert answers(guarded, other) == [first for _, first, _ in ASKED]


def test_other_rules_count_at_once_in_both_directions(guarded: Guarded) -> None:
    """Less rights hide what was shown, more show what was hidden."""
    token = guarded.token(READS)
    for rules, at in ((READS, 1), (LESS, 2), (READS, 1)):
        guarded.change_rules(token, rules)
        assert answers(guarded, token) == [row[at] for row in ASKED]


def test_a_token_that_ran_out_gets_nothing_though_nobody_told(
    guarded: Guarded, clock: Callable[[timedelta], None]
) -> None:
    """Time fires no watch, so that nothing is kept for such a token."""
    token = guarded.token(READS, expires=datetime.now(UTC) + timedelta(hours=1))
    assert answers(guarded, token) == [first for _, first, _ in ASKED]
    clock(timedelta(hours=2))
    assert answers(guarded, token) == [NOT_FOUND] * len(ASKED)


def test_nothing_is_kept_for_a_token_with_an_end(guarded: Guarded) -> None:
    """The replies of one without are."""

    async def clear(agent: Agent) -> None:
        agent.listeners.front.replies.clear()

    async def count(agent: Agent) -> int:
        return kept_replies(agent)

    counts: list[int] = []
    for expires in (None, datetime.now(UTC) + timedelta(hours=1)):
        token = guarded.token(READS, expires=expires)
        guarded.agent.run(clear)
        guarded.ask("GET /v1/kv/a", token)
        counts.append(guarded.agent.run(count))
    assert counts == [1, 0]


def test_rules_of_the_anonymous_token_count_at_once(guarded: Guarded) -> None:
    """For requests without a token the bytes are the same before and after."""
    anonymous = "anonymous"
    assert guarded.ask("GET /v1/kv/?keys") == guarded.ask("GET /v1/kv/?keys") == "200"
    guarded.change_rules(anonymous, READS)
    assert guarded.ask("GET /v1/kv/?keys") == guarded.ask("GET /v1/kv/?keys") == "200 a other"
    assert guarded.ask("GET /v1/catalog/services") == "200 consul web"
    guarded.change_rules(anonymous, "")
    assert guarded.ask("GET /v1/kv/?keys") == "200"
    assert guarded.ask("GET /v1/catalog/services") == "200"


# Waiting


class Waiter:
    """A blocking query on its way."""

    def __init__(self, guarded: Guarded, path: str, token: str) -> None:
        host, _, port = guarded.agent.http_address.rpartition(":")
        self._door = socket.create_connection((host, int(port)), timeout=20)
        self._door.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Consul-Token: {token}\r\n\r\n".encode())

    def answer(self) -> tuple[int, bytes]:
        """Status and body, once they come."""
        with self._door, self._door.makefile("rb") as file:
            status = int(file.readline().split()[1])
            head = b"".join(iter(file.readline, b"\r\n"))
            length = next(int(line.split(b":")[1]) for line in head.splitlines() if line.startswith(b"Content-Length"))
            return status, file.read(length)


def wait_for_waiters(guarded: Guarded, token: str, count: int) -> None:
    """Until so many queries wait with a token, alone or along with others; the cache's own go on beside them."""

    def waiting(agent: Agent) -> int:
        alone = sum(read.users for read in shared_reads(agent) if token in str(read.key))
        return alone + agent.listeners.front.groups.following

    async def parked(agent: Agent) -> None:
        await comes_true(lambda: waiting(agent) >= count)

    guarded.agent.run(parked)


def index_of(guarded: Guarded, request: str, token: str) -> str:
    """The index of a read."""
    return guarded.answer(request, token)[1]["x-consul-index"]


def test_who_waits_with_a_revoked_token_is_sent_away_and_all_of_them(guarded: Guarded) -> None:
    """Identical queries share one computation; one that fails fails for each."""
    token = guarded.token(READS)
    index = index_of(guarded, "GET /v1/kv/a", token)
    waiters = [Waiter(guarded, f"/v1/kv/a?index={index}&wait=60s", token) for _ in range(3)]
    wait_for_waiters(guarded, token, 3)
    guarded.revoke(token)
    assert [waiter.answer() for waiter in waiters] == [(403, b"ACL not found")] * 3


def test_who_waits_for_what_may_not_be_read_any_more_is_told(guarded: Guarded) -> None:
    """Another token that waits for the same in the same words goes on waiting, and gets the next value."""
    loser, keeper = guarded.token(READS), guarded.token(READS)
    index = index_of(guarded, "GET /v1/kv/a", keeper)
    path = f"/v1/kv/a?index={index}&wait=60s&raw"
    lost, kept = Waiter(guarded, path, loser), Waiter(guarded, path, keeper)
    wait_for_waiters(guarded, loser, 1)
    wait_for_waiters(guarded, keeper, 1)
    guarded.change_rules(loser, LESS)
    assert lost.answer()[0] == 403
    guarded.must("PUT /v1/kv/a", b"news")
    assert kept.answer() == (200, b"news")


def test_a_waiter_sees_by_the_rules_of_the_end(guarded: Guarded) -> None:
    """What was hidden meanwhile is not in the answer."""
    token = guarded.token(READS)
    index = index_of(guarded, "GET /v1/kv/?recurse", token)
    waiter = Waiter(guarded, f"/v1/kv/?recurse&index={index}&wait=60s", token)
    wait_for_waiters(guarded, token, 1)
    guarded.change_rules(token, LESS)
    guarded.must("PUT /v1/kv/other", b"news")
    status, body = waiter.answer()
    assert (status, [one["Key"] for one in json.loads(body)]) == (200, ["other"])


def test_nobody_joins_a_wait_with_a_token_that_ran_out(guarded: Guarded, clock: Callable[[timedelta], None]) -> None:
    """Though the answer of an earlier waiter is there to be shared."""
    token = guarded.token(READS, expires=datetime.now(UTC) + timedelta(hours=1))
    index = index_of(guarded, "GET /v1/kv/a", token)
    waiter = Waiter(guarded, f"/v1/kv/a?index={index}&wait=60s", token)
    wait_for_waiters(guarded, token, 1)
    clock(timedelta(hours=2))
    assert guarded.ask(f"GET /v1/kv/a?index={index}&wait=60s", token) == NOT_FOUND
    guarded.must("PUT /v1/kv/a", b"later")
    assert waiter.answer() == (403, b"ACL not found")


def test_a_cached_answer_that_never_waits_does_not_spin(guarded: Guarded) -> None:
    """Consul answers at once for a mesh service that may not be seen; refreshing that answer goes slowly."""
    token = guarded.token(LESS)
    assert guarded.ask("GET /v1/catalog/connect/web?cached", token) == "200"
    calls: list[str] = []

    async def count(agent: Agent) -> None:
        rpc = agent.cache._rpc  # pyright: ignore[reportPrivateUsage]

        async def counted(method: str, ask: Any) -> Any:
            calls.append(method)
            return await rpc(method, ask)

        agent.cache._rpc = counted  # pyright: ignore[reportPrivateUsage]
        for _ in range(100):
            await asyncio.sleep(0)
        agent.cache._rpc = rpc  # pyright: ignore[reportPrivateUsage]

    guarded.agent.run(count)
    assert len(calls) <= 2


def test_two_policies_of_one_hash_grant_what_each_of_them_says(guarded: Any) -> None:
    """Consul hashes name, description and rules with nothing between them."""
    rules = 'key "a" { policy = "read" }'
    made = [
        guarded.must("PUT /v1/acl/policy", policy)
        for policy in ({"Name": "p", "Description": f"q{rules}"}, {"Name": "pq", "Rules": rules})
    ]
    assert made[0]["Hash"] == made[1]["Hash"]
    tokens = [guarded.must("PUT /v1/acl/token", {"Policies": [{"ID": one["ID"]}]})["SecretID"] for one in made]
    assert [guarded.ask("GET /v1/kv/a", token) for token in tokens] == ["403 key:read on a", "200 a"]
