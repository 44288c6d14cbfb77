"""The cache itself: one entry a question, fetched once however many ask, kept fresh in the background or not.

Rules: ``wire/blocking.md`` section 4. An entry begins empty. Who asks and finds nothing that will do waits for the next
fetch, which the first of them begins. Of a kind that refreshes, fetching then goes on by itself, as a blocking query
after the other; its answer has an age only while that fails. Of other kinds an answer ages from its fetch on, and who
finds it too old fetches again. Entries are dropped when unused for three days, when there are too many, or when tokens
may do other things than when the entry was made; who waits for one of those asks again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar, cast

import msgspec

from pyconsul.agent.cache.kinds import CacheKind
from pyconsul.primitives.token_bucket import TokenBucket
from pyconsul.structs.errors import AclNotFound, ConsulError, InternalError
from pyconsul.structs.wire import Indexed, ReadRequest, changed
from pyconsul.telemetry import metrics
from pyconsul.telemetry.logging import logger

R = TypeVar("R")
Rpc = Callable[[str, Any], Awaitable[Any]]

log = logger("agent.cache")

_FAMILIES = ("cache", "consul.cache")
for _name in _FAMILIES:
    metrics.declare("counter", *(f"{_name}.{what}" for what in ("evict_expired", "fetch_error", "fetch_success")))

UNUSED_AFTER = 72 * 3600.0  # seconds without a question until an entry goes
MAX_ENTRIES = 10_000
FETCH_BURST = 2  # fetches of an entry at once where their rate is limited; ``cache.entry_fetch_max_burst`` changes it
_STOPPED = "cache is closed"
REFRESH_WAIT_NS = 600_000_000_000  # one round of a background refresh
PATIENT_ATTEMPTS = 3  # failures before the refresh backs off
MAX_BACKOFF = 60.0  # seconds
NO_NEWS_PAUSE = 1.0  # seconds after a refresh that came back without any; not all of them wait


class CacheMeta(msgspec.Struct, frozen=True):
    """How an answer came: ``hit`` without asking a server, ``age`` in seconds."""

    hit: bool = False
    age: float = 0.0


class Entry(msgspec.Struct, Generic[R]):
    """One question with its newest answer. ``lost_contact`` is when refreshing began to fail."""

    kind: CacheKind[R]
    ask: ReadRequest
    last_used: float
    fetches: TokenBucket
    rights: int = 0  # what the token might do when the entry was made
    value: R | None = None
    valid: bool = False
    index: int = 0
    fetched_at: float = 0.0
    error: ConsulError | None = None
    lost_contact: float | None = None
    attempts: int = 0  # failures in a row
    task: asyncio.Task[None] | None = None
    waiters: set[asyncio.Future[None]] = msgspec.field(default_factory=set[asyncio.Future[None]])


class AgentCache:
    """Answers questions from memory where the rules allow it. Belongs to one event loop; ``stop`` ends its tasks.

    ``rights`` gives a number for a token, another one when it may do other things; it raises for a token that is none.
    """

    def __init__(
        self,
        rpc: Rpc,
        clock: Callable[[], float] = time.monotonic,
        rights: Callable[[str], int] = lambda token: 0,
    ) -> None:
        self._rpc = rpc
        self._clock = clock
        self._rights = rights
        self._rate, self._burst = math.inf, FETCH_BURST
        self._entries: dict[bytes, Entry[Any]] = {}
        self._stopped = False

    def __len__(self) -> int:
        return len(self._entries)

    def limit(self, rate: float, burst: int) -> None:
        """Fetch each entry at most so often a second, and after a rest so often at once."""
        self._rate, self._burst = rate, burst
        for entry in self._entries.values():
            entry.fetches.rate, entry.fetches.burst = rate, burst

    def stop(self) -> None:
        """End all background work. Who waits is answered with what there is."""
        self._stopped = True
        for entry in self._entries.values():
            _end(entry)

    async def get(self, kind: CacheKind[R], ask: ReadRequest) -> tuple[R, CacheMeta]:
        """The answer to ``ask``, from memory if it is there and fresh enough.

        With ``MinQueryIndex`` it waits for a newer one, at most ``MaxQueryTime``. Raises ConsulError.
        """
        entry = self._entry(kind, ask)
        if self._usable(entry, ask, revalidate=ask.MustRevalidate):
            _count(f"{kind.name}.hit")
            return cast("R", entry.value), CacheMeta(hit=True, age=self._age(entry))
        _count(f"{kind.name}.{'miss_block' if ask.MinQueryIndex and kind.refreshes else 'miss_new'}")
        loop = asyncio.get_running_loop()
        deadline = loop.time() + ask.MaxQueryTime / 1e9 if ask.MaxQueryTime > 0 else None
        while True:
            in_time = await self._fetched(entry, deadline)
            entry = self._entry(kind, ask)  # what the token may do may have changed meanwhile
            if self._usable(entry, ask, revalidate=False) or (entry.valid and not in_time):
                return cast("R", entry.value), CacheMeta()
            if self._stopped:
                raise InternalError(_STOPPED)
            if not in_time:
                deadline = None  # there is no older answer to give: the first one is worth the wait
            if entry.error is not None:
                return self._after_error(entry, ask, entry.error)

    def _after_error(self, entry: Entry[R], ask: ReadRequest, error: ConsulError) -> tuple[R, CacheMeta]:
        age = self._age(entry)
        if entry.valid and ask.StaleIfError and age * 1e9 <= ask.StaleIfError:
            return cast("R", entry.value), CacheMeta(hit=True, age=age)
        raise error

    def _entry(self, kind: CacheKind[R], ask: ReadRequest) -> Entry[R]:
        rights = self._rights(ask.Token) if kind.guarded else 0
        question = _question(ask) if kind.guarded else changed(_question(ask), Token="")
        key = kind.name.encode() + b"\0" + msgspec.msgpack.encode(question)
        entry = self._entries.pop(key, None)
        if entry is not None and entry.rights != rights:
            _end(entry)
            entry = None
        if entry is None:
            self._make_room()
            fetches = TokenBucket(self._rate, self._burst, asyncio.get_running_loop().time())
            entry = Entry(kind=kind, ask=question, last_used=0.0, fetches=fetches, rights=rights)
        self._entries[key] = entry  # at the end: the dict stands in the order of last use
        entry.last_used = self._clock()
        return entry

    def _make_room(self) -> None:
        now = self._clock()
        while self._entries:
            key, entry = next(iter(self._entries.items()))
            if len(self._entries) < MAX_ENTRIES and now - entry.last_used <= UNUSED_AFTER:
                return
            _count("evict_expired")
            del self._entries[key]
            _end(entry)

    def _usable(self, entry: Entry[Any], ask: ReadRequest, *, revalidate: bool) -> bool:
        if not entry.valid:
            return False
        if entry.kind.refreshes:
            return not 0 < ask.MinQueryIndex >= entry.index
        return not revalidate and not 0 < ask.MaxAge < self._age(entry) * 1e9

    def _age(self, entry: Entry[Any]) -> float:
        since = entry.lost_contact if entry.kind.refreshes else entry.fetched_at
        return 0.0 if since is None else self._clock() - since

    async def _fetched(self, entry: Entry[Any], deadline: float | None) -> bool:
        """Wait for the next fetch to end, beginning one if none is under way; False when time is up, or all ends."""
        if self._stopped:
            return False
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        entry.waiters.add(waiter)
        if entry.task is None or entry.task.done():
            entry.task = loop.create_task(self._keep_fresh(entry) if entry.kind.refreshes else self._fetch(entry))
        try:
            async with asyncio.timeout_at(deadline):
                await waiter
        except TimeoutError:
            return False
        finally:
            entry.waiters.discard(waiter)
        return not self._stopped

    async def _keep_fresh(self, entry: Entry[Any]) -> None:
        while self._clock() - entry.last_used <= UNUSED_AFTER:
            known = entry.index
            await self._fetch(entry)
            if entry.attempts:
                if not entry.valid:
                    return  # nobody has an answer to keep fresh; the next question tries again
                await asyncio.sleep(_backoff(entry.attempts))
            elif entry.index == known:
                await asyncio.sleep(NO_NEWS_PAUSE)

    async def _fetch(self, entry: Entry[Any]) -> None:
        kind = entry.kind
        while not entry.fetches.take(asyncio.get_running_loop().time()):  # noqa: ASYNC110  the clock ends it
            await asyncio.sleep(entry.fetches.delay())
        ask = changed(entry.ask, AllowStale=True)
        if entry.valid and kind.refreshes:
            ask = changed(ask, MinQueryIndex=entry.index, MaxQueryTime=REFRESH_WAIT_NS)
        try:
            value = await self._rpc(kind.method, ask)
        except Exception as error:  # also a fault of ours is an answer: who waits would ask again and again
            if not isinstance(error, ConsulError):
                log.error("Unexpected error in the background", work=f"fetch {kind.method}", error=repr(error))
                error = InternalError(f"internal error: {error}")
            entry.error = error
            entry.attempts += 1
            entry.valid = entry.valid and not isinstance(error, AclNotFound)
            if entry.lost_contact is None:
                entry.lost_contact = self._clock()
            _count_fetch(kind.name, "fetch_error", ("fatal", "false"))
            log.debug("fetch failed", type=kind.name, error=error.text)
        else:
            same = kind.tells_unchanged and entry.valid and value.Index == entry.index
            _count_fetch(kind.name, "fetch_success", ("result_not_modified", "true" if same else "false"))
            entry.value = value
            entry.index = max(value.Index, 1) if isinstance(value, Indexed) else 1
            entry.valid = True
            entry.error = None
            entry.attempts = 0
            entry.lost_contact = None
            entry.fetched_at = self._clock()
        finally:
            _wake(entry)


def _count(name: str, labels: metrics.Labels = ()) -> None:
    """Count under both names that Consul uses."""
    for family in _FAMILIES:
        metrics.incr(f"{family}.{name}", labels=labels)


def _count_fetch(kind: str, outcome: str, label: tuple[str, str]) -> None:
    """Count a fetch in all, and by kind."""
    _count(outcome, (label,))
    _count(f"{kind}.{outcome}", (label,))


def _end(entry: Entry[Any]) -> None:
    """Stop what keeps an entry fresh; who waits for it asks again."""
    if entry.task is not None:
        entry.task.cancel()
    _wake(entry)


def _wake(entry: Entry[Any]) -> None:
    waiters, entry.waiters = entry.waiters, set()
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)


def _backoff(attempts: int) -> float:
    over = attempts - PATIENT_ATTEMPTS
    return 0.1 if over <= 0 else min(2.0**over, MAX_BACKOFF)  # Consul: 0 at first; a loop has others to serve


def _question(ask: ReadRequest) -> ReadRequest:
    """What makes two asks the same entry: everything but how fresh the answer must be and how long to wait."""
    return changed(
        ask,
        MinQueryIndex=0,
        MaxQueryTime=0,
        AllowStale=False,
        RequireConsistent=False,
        UseCache=False,
        MaxStaleDuration=0,
        MaxAge=0,
        MustRevalidate=False,
        StaleIfError=0,
    )
