"""The agent's cache: one fetch for many, freshness by kind of answer, errors, and what is forgotten."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from pyconsul.agent.cache import AgentCache, CacheKind, CacheMeta, kinds
from pyconsul.agent.cache import cache as cache_module
from pyconsul.agent.http.discovery import cache_headers
from pyconsul.structs.catalog import DCSpecificRequest, IndexedServices
from pyconsul.structs.errors import InternalError, NoLeader
from pyconsul.structs.wire import ReadRequest

SIMPLE: CacheKind[IndexedServices] = CacheKind("simple", "Test.Simple", IndexedServices, refreshes=False)
FRESH: CacheKind[IndexedServices] = CacheKind("fresh", "Test.Fresh", IndexedServices)


class Servers:
    """Stands for the servers: answers with a growing index, blocks where a blocking query would."""

    def __init__(self) -> None:
        self.index = 10
        self.asked: list[ReadRequest] = []
        self.error: Exception | None = None
        self.moved = asyncio.Event()
        self.now = 0.0

    async def rpc(self, method: str, ask: Any) -> IndexedServices:
        """One call."""
        del method
        self.asked.append(ask)
        while self.error is None and ask.MinQueryIndex >= self.index:
            self.moved.clear()
            await self.moved.wait()
        if self.error is not None:
            raise self.error
        return IndexedServices(Index=self.index, Services={"web": [str(self.index)]})

    def move(self) -> None:
        """Something was written."""
        self.index += 1
        self.moved.set()

    def clock(self) -> float:
        """The time, as the test sets it."""
        return self.now


@pytest_asyncio.fixture
async def servers() -> Servers:
    """Servers that answer."""
    return Servers()


@pytest_asyncio.fixture
async def cache(servers: Servers) -> AsyncIterator[AgentCache]:
    """A cache in front of them."""
    cache = AgentCache(servers.rpc, servers.clock)
    yield cache
    cache.stop()


async def test_many_questions_are_one_fetch(servers: Servers, cache: AgentCache) -> None:
    """Who comes while it is under way waits for the same answer."""
    answers = await asyncio.gather(*(cache.get(SIMPLE, DCSpecificRequest()) for _ in range(20)))
    assert len(servers.asked) == 1
    assert {meta.hit for _, meta in answers} == {False}
    assert servers.asked[0].AllowStale


async def test_a_simple_entry_has_an_age_and_may_be_asked_to_be_younger(servers: Servers, cache: AgentCache) -> None:
    """max-age and must-revalidate force a fetch; without them any age is a hit."""
    await cache.get(SIMPLE, DCSpecificRequest())
    servers.now = 100.0
    _, meta = await cache.get(SIMPLE, DCSpecificRequest())
    assert (meta.hit, meta.age) == (True, 100.0)
    assert not (await cache.get(SIMPLE, DCSpecificRequest(MaxAge=50_000_000_000)))[1].hit
    assert (await cache.get(SIMPLE, DCSpecificRequest(MaxAge=50_000_000_000)))[1].hit
    assert not (await cache.get(SIMPLE, DCSpecificRequest(MustRevalidate=True)))[1].hit
    servers.now = 200.0
    assert (await cache.get(SIMPLE, DCSpecificRequest(MaxAge=-1)))[1].hit


async def test_a_simple_entry_is_not_waited_for(servers: Servers, cache: AgentCache) -> None:
    """The servers do not block on such a question, so an index means nothing."""
    await cache.get(SIMPLE, DCSpecificRequest())
    assert (await cache.get(SIMPLE, DCSpecificRequest(MinQueryIndex=servers.index)))[1].hit
    assert len(servers.asked) == 1


def test_an_age_is_shown_to_the_nearest_second() -> None:
    """A half goes to the even one, as in Go."""
    shown = [cache_headers(CacheMeta(hit=True, age=age))["Age"] for age in (0.4, 0.5, 0.6, 1.5)]
    assert shown == ["0", "0", "1", "2"]


async def test_another_token_never_shares_an_entry(servers: Servers, cache: AgentCache) -> None:
    """Nor does another filter."""
    await cache.get(SIMPLE, DCSpecificRequest(Token="a"))
    assert not (await cache.get(SIMPLE, DCSpecificRequest(Token="b")))[1].hit
    assert not (await cache.get(SIMPLE, DCSpecificRequest(Token="a", Filter="x")))[1].hit
    assert len(cache) == 3


async def test_a_refreshing_entry_follows_the_servers(servers: Servers, cache: AgentCache) -> None:
    """Nobody has to ask for it; waiting for a newer index ends with the next answer."""
    first, _ = await cache.get(FRESH, DCSpecificRequest(MustRevalidate=True))
    waiting = asyncio.create_task(cache.get(FRESH, DCSpecificRequest(MinQueryIndex=first.Index)))
    await asyncio.sleep(0)
    servers.move()
    found, meta = await asyncio.wait_for(waiting, 60)
    assert (found.Services, meta.hit) == ({"web": ["11"]}, False)
    again, meta = await cache.get(FRESH, DCSpecificRequest(MaxAge=1))
    assert (again.Index, meta.hit, meta.age) == (11, True, 0.0)


async def test_an_entry_is_fetched_no_more_often_than_is_allowed(
    servers: Servers, cache: AgentCache, skip_time: Callable[[float], None]
) -> None:
    """After its burst one fetch a minute; who asks meanwhile waits. Other entries have their own, a reload another."""
    cache.limit(1 / 60, 2)
    ask = DCSpecificRequest(MustRevalidate=True)
    for _ in range(2):
        await cache.get(SIMPLE, ask)
    late = asyncio.create_task(cache.get(SIMPLE, ask))
    await cache.get(SIMPLE, DCSpecificRequest(Token="other"))
    assert (len(servers.asked), late.done()) == (3, False)
    skip_time(60)
    await late
    cache.limit(math.inf, 2)
    await cache.get(SIMPLE, ask)
    assert len(servers.asked) == 5


async def test_waiting_ends_with_the_last_answer_when_time_is_up(cache: AgentCache) -> None:
    """As a blocking query's does."""
    first, _ = await cache.get(FRESH, DCSpecificRequest())
    found, meta = await cache.get(FRESH, DCSpecificRequest(MinQueryIndex=first.Index, MaxQueryTime=1_000_000))
    assert (found.Index, meta.hit) == (first.Index, False)


async def test_an_error_is_told_and_not_kept(servers: Servers, cache: AgentCache) -> None:
    """The next question tries again."""
    servers.error = NoLeader()
    for kind in (SIMPLE, FRESH):
        with pytest.raises(NoLeader):
            await cache.get(kind, DCSpecificRequest())
    servers.error = None
    for kind in (SIMPLE, FRESH):
        assert (await cache.get(kind, DCSpecificRequest()))[0].Index == 10


async def test_a_stale_answer_may_stand_in_for_an_error(servers: Servers, cache: AgentCache) -> None:
    """Up to the age that stale-if-error names."""
    await cache.get(SIMPLE, DCSpecificRequest())
    servers.error = NoLeader()
    servers.now = 20.0
    ask = DCSpecificRequest(MaxAge=10_000_000_000, StaleIfError=30_000_000_000)
    assert (await cache.get(SIMPLE, ask))[0].Index == 10
    servers.now = 40.0
    with pytest.raises(NoLeader):
        await cache.get(SIMPLE, ask)


async def test_entries_go_when_unused_or_too_many(
    servers: Servers, cache: AgentCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After three days, or the longest unused one when there is no room."""
    await cache.get(SIMPLE, DCSpecificRequest(Token="old"))
    servers.now = cache_module.UNUSED_AFTER + 1
    await cache.get(SIMPLE, DCSpecificRequest(Token="new"))
    assert len(cache) == 1
    monkeypatch.setattr(cache_module, "MAX_ENTRIES", 2)
    for token in ("b", "c", "d"):
        await cache.get(SIMPLE, DCSpecificRequest(Token=token))
    assert len(cache) == 2


def test_the_kinds_are_those_that_consul_caches() -> None:
    """Datacenters are the ones that do not refresh themselves."""
    found = {kind.name: kind.refreshes for kind in vars(kinds).values() if isinstance(kind, CacheKind)}
    assert found == {
        "catalog-datacenters": False,
        "catalog-list-services": True,
        "catalog-services": True,
        "health-services": True,
    }


async def test_a_fault_of_ours_is_an_answer_too(cache: AgentCache, servers: Servers) -> None:
    """Who waits gets it at once; the next question tries again."""
    servers.error = KeyError("an odd row")
    with pytest.raises(InternalError, match="internal error: 'an odd row'"):
        await cache.get(SIMPLE, DCSpecificRequest())
    assert len(servers.asked) == 1
    servers.error = None
    reply, _ = await cache.get(SIMPLE, DCSpecificRequest())
    assert reply.Index == 10
