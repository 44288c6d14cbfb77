"""Blocking queries and the registry that lets identical ones share one watcher and one computation.

Rules: ``wire/blocking.md`` section 1. The readers are synchronous and touch the store through the watch set they get.

A reader's watch set is two: what fires the set itself wakes who waits, and has the reply computed again once for all of
them. What fires its ``quiet`` set wakes nobody, but the reply that lies there is not given to whoever comes next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

import msgspec

from pyconsul.memdb import WatchSet
from pyconsul.primitives.dice import DICE
from pyconsul.structs.wire import Indexed, ReadRequest, changed

R = TypeVar("R", bound=Indexed)

DEFAULT_WAIT_NS = 300_000_000_000  # where a request does not say how long
MAX_WAIT_NS = 600_000_000_000  # for what the agent itself knows; servers have a setting
_NOTHING = object()
CLOCK_STEP = 0.001  # seconds: that of uvloop's clock; waiting for less than that would take more
JITTER = 16  # a wait is lengthened by up to a sixteenth, so that waiters do not come back together

# A door that wants to keep an encoded reply puts a watch set here; the reads behind the reply join it,
# and the kept bytes are good until it fires.
REPLY_WATCH: ContextVar[WatchSet | None] = ContextVar("reply_watch", default=None)


class Waiting:
    """How one caller waits, for a door that lets others wait along with it (``WAITING``)."""

    __slots__ = ("_is_parked", "_read", "is_answered")

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A caller is about to ask."""
        self._is_parked = False
        self._read: SharedRead[Any] | None = None
        self.is_answered = False  # by a change: not because time was up

    @property
    def is_open(self) -> bool:
        """Whether who asks the same now would wait for the same: before the caller looks, and while nothing changes."""
        return not self._is_parked or (self._read is not None and self._read.is_current)

    def parks(self, read: SharedRead[Any] | None) -> None:
        """The caller waits for a change of this, or (None) in a way that nobody can join any more."""
        self._is_parked, self._read = True, read


WAITING: ContextVar[Waiting | None] = ContextVar("waiting", default=None)


class SharedRead(Generic[R]):
    """One query that any number of callers wait for: computed once per change, whoever asks."""

    __slots__ = ("_read", "_waiters", "_ws", "key", "reply", "users", "wakes")

    def __init__(self, key: object, read: Callable[[WatchSet], R]) -> None:
        self.key = key
        self.users = 0
        self.wakes = 0  # how often the waiters were woken
        self.reply: R | None = None
        self._read = read
        self._ws: WatchSet | None = None
        self._waiters: set[asyncio.Future[None]] = set()

    @property
    def is_current(self) -> bool:
        """Whether nothing that the reply depends on has changed."""
        ws = self._ws
        return self.reply is not None and ws is not None and not (ws.fired or ws.quiet.fired)

    def current(self) -> R:
        """The reply as of now; computed only if something it depends on changed."""
        reply = self.reply
        if reply is None or not self.is_current:
            self.close()
            self.reply = None  # not what was there before, should the read fail now
            self._ws = WatchSet(self.wake, quiet=WatchSet())
            self.reply = reply = self._read(self._ws)
        return reply

    def renewed(self) -> R:
        """The reply computed again: the index of a missing thing rises with other writes, which wake nobody here."""
        self.close()
        self._ws = None
        return self.current()

    async def changed(self, deadline: float) -> None:
        """Return when the reply may have changed, or at ``deadline`` (loop time)."""
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        timer = loop.call_at(deadline, _resolve, woken)
        self._waiters.add(woken)
        try:
            await woken
        finally:
            timer.cancel()
            self._waiters.discard(woken)

    def close(self) -> None:
        """Stop watching; the last user left."""
        if self._ws is not None:
            self._ws.close()
            self._ws.quiet.close()

    def wake(self) -> None:
        """Have all who wait look again."""
        self.wakes += 1
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            _resolve(waiter)


class SharedReads:
    """The identical blocking queries that are waited for right now, by what they ask."""

    def __init__(self, state: Callable[[], object]) -> None:
        self._reads: dict[object, SharedRead[Any]] = {}
        self._state = state
        self._ended = False
        self.waiting = 0  # callers, those who share a query counted each

    def __len__(self) -> int:
        return len(self._reads)

    def end(self) -> None:
        """Answer all who wait with what there is, for a server that stops; nobody waits from now on."""
        self._ended = True
        for shared in list(self._reads.values()):
            shared.wake()

    async def wait_for(
        self,
        key: object,
        ask: ReadRequest,
        read: Callable[[WatchSet], R],
        found: Callable[[R], bool] | None,
        content: Callable[[R], object] | None = None,
    ) -> R:
        """Answer once the reply's index passes ``ask.MinQueryIndex``, or with the last reply when time is up.

        ``found`` tells whether the asked thing exists: while it does not, unrelated writes that only raise the
        index do not end the wait. Neither do those after which ``content`` gives what it gave before.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_seconds(ask.MaxQueryTime)
        shared = self._reads.get(key)
        if shared is None:
            shared = self._reads[key] = SharedRead(key, read)
        shared.users += 1
        self.waiting += 1
        try:
            return await _wait(shared, ask.MinQueryIndex, deadline, found, content, self._state, lambda: self._ended)
        finally:
            shared.users -= 1
            self.waiting -= 1
            if not shared.users:
                shared.close()
                self._reads.pop(key, None)


async def _wait(
    shared: SharedRead[R],
    min_index: int,
    deadline: float,
    found: Callable[[R], bool] | None,
    content: Callable[[R], object] | None,
    state: Callable[[], object],
    ended: Callable[[], bool],
) -> R:
    loop = asyncio.get_running_loop()
    began_in = state()  # a restore swaps the store: everyone is answered then, the index may have gone back
    was_missing = False
    before: object = _NOTHING
    waiting = WAITING.get()
    is_first = True
    wakes, reply = shared.wakes, shared.current()
    while True:
        if shared.wakes != wakes:  # else the reply stays what it was, even where its index alone is higher by now
            wakes, reply = shared.wakes, shared.current()
        is_over = loop.time() >= deadline - CLOCK_STEP
        missing = found is not None and not found(reply)
        # What is missing has the index of other things, whose writes woke nobody. The first look and the answer need it
        # as it is now.
        if missing and (not was_missing or is_over):
            reply = shared.renewed()
        # From the second look on: a client that knows an older index is told at once that nothing is there.
        if missing and was_missing:
            min_index = max(min_index, reply.Index)
        if content is not None:
            now = content(reply)
            if now == before:  # never at the first look
                min_index = max(min_index, reply.Index)
            before = now
        has_changed = reply.Index > min_index or state() is not began_in or ended()
        if waiting is not None:
            waiting.is_answered = has_changed
            # Others may wait along from the first look on, until we are woken. Not for what is missing: its index rises
            # without waking us, so that who asks now may have to be answered at once.
            waiting.parks(shared if is_first and not missing and not has_changed else None)
        if has_changed or is_over:
            return reply
        was_missing, is_first = missing, False
        await shared.changed(deadline)


def wait_seconds(asked_ns: int) -> float:
    """How long a blocking query waits: default and jitter applied. The limit is that of the door it came through."""
    wait = asked_ns if asked_ns > 0 else DEFAULT_WAIT_NS
    return wait * (1 + DICE.random() / JITTER) / 1e9  # randrange costs ten times as much


def question(ask: ReadRequest) -> bytes:
    """What makes two asks the same query: everything but how long and from which index they wait."""
    return msgspec.msgpack.encode(changed(ask, MinQueryIndex=0, MaxQueryTime=0))


def _resolve(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
