"""Consul's promises about sessions and locked keys as a small model, and a loop whose time leaps: hours take seconds.

The client above it is the real one; its transport ends in the model instead of at a socket, and loses what a seed says.
"""

from __future__ import annotations

import asyncio
import selectors
from base64 import b64encode
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
import pytest

from pyconsul.primitives.durations import parse_duration, to_seconds
from pyconsul.sdk import AsyncClient, Retry, Settings, tasks
from pyconsul.sdk.encode import Wire
from pyconsul.sdk.errors import TransportError
from pyconsul.sdk.request import Answer

_MOST_WAIT = 600.0


class _Leaping(selectors.DefaultSelector):
    """Instead of waiting it lets time go by."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits for something that nobody will do"
        self.now += timeout
        return super().select(0)


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still while there is work, and leaps to the next timer when there is none."""

    def __init__(self) -> None:
        self._leaping = _Leaping()
        super().__init__(self._leaping)

    def time(self) -> float:
        """Seconds of its own clock."""
        return self._leaping.now


@dataclass
class _Session:
    ttl: float
    lock_delay: float
    deletes: bool
    ends_at: float


@dataclass
class _Entry:
    key: str
    value: bytes
    flags: int
    created: int
    modified: int
    session: str = ""
    locks: int = 0

    def shown(self) -> dict[str, object]:
        """The entry as an answer has it."""
        shown: dict[str, object] = {"LockIndex": self.locks, "Key": self.key, "Flags": self.flags}
        shown |= {"Value": b64encode(self.value).decode() if self.value else None}
        shown |= {"CreateIndex": self.created, "ModifyIndex": self.modified}
        return shown | ({"Session": self.session} if self.session else {})


@dataclass
class World:
    """Servers that forget nothing. They may end a session at any time after its TTL, and not before."""

    rand: Random
    index: int = 1
    sessions: dict[str, _Session] = field(default_factory=dict[str, _Session])
    entries: dict[str, _Entry] = field(default_factory=dict[str, _Entry])
    _delayed: dict[str, float] = field(default_factory=dict[str, float])
    _waiting: list[asyncio.Future[None]] = field(default_factory=list[asyncio.Future[None]])

    async def serve(self, wire: Wire) -> Answer:
        """The answer to one request."""
        path, _, query = wire.target.partition("?")
        asked = dict(parse_qsl(query, keep_blank_values=True))
        family, _, rest = unquote(path).removeprefix("/v1/").partition("/")
        assert wire.body is None or isinstance(wire.body, bytes)
        if family == "session":
            return self._session(rest, wire.body or b"")
        if wire.method == "GET":
            return await self._read(rest, asked)
        return self._written(wire.method, rest, asked, wire.body or b"")

    def _session(self, rest: str, body: bytes) -> Answer:
        verb, _, name = rest.partition("/")
        if verb == "create":
            return self._answer(200, {"ID": self._created(msgspec.json.decode(body))})
        session = self.sessions.get(name)
        if verb == "destroy":
            if session is not None:
                self._end(name, session)
            return self._answer(200, True)
        assert verb == "renew", rest
        if session is None:
            return self._answer(404)
        session.ends_at = self._end_of(session.ttl)
        return self._answer(200, [{"ID": name, "TTL": f"{session.ttl:g}s"}])

    def _created(self, wanted: dict[str, str]) -> str:
        name = f"s{self._next()}"
        ttl, delay = (to_seconds(parse_duration(wanted.get(each, "15s"))) for each in ("TTL", "LockDelay"))
        session = _Session(ttl, delay, wanted.get("Behavior") == "delete", self._end_of(ttl))
        self.sessions[name] = session
        self._look_again(name, session)
        return name

    def _end_of(self, ttl: float) -> float:
        return asyncio.get_running_loop().time() + ttl * self.rand.uniform(1, 2)

    def _look_again(self, name: str, session: _Session) -> None:
        loop = asyncio.get_running_loop()
        if self.sessions.get(name) is not session:
            return
        if loop.time() < session.ends_at:
            loop.call_at(session.ends_at, self._look_again, name, session)
        else:
            self._end(name, session)

    def _end(self, name: str, session: _Session) -> None:
        del self.sessions[name]
        for entry in [each for each in self.entries.values() if each.session == name]:
            self._delayed[entry.key] = asyncio.get_running_loop().time() + session.lock_delay
            entry.session, entry.modified = "", self._next()
            if session.deletes:
                del self.entries[entry.key]

    def _next(self) -> int:
        self.index += 1
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)
        return self.index

    async def _read(self, key: str, asked: dict[str, str]) -> Answer:
        loop = asyncio.get_running_loop()
        end = loop.time() + min(to_seconds(parse_duration(asked.get("wait", "300s"))), _MOST_WAIT)
        while self.index <= int(asked.get("index", 0)) and loop.time() < end:
            news: asyncio.Future[None] = loop.create_future()
            self._waiting.append(news)
            await asyncio.wait([news], timeout=end - loop.time())
        is_wanted: Callable[[str], bool] = (lambda each: each.startswith(key)) if "recurse" in asked else key.__eq__
        found = [entry.shown() for each, entry in sorted(self.entries.items()) if is_wanted(each)]
        return self._answer(200, found) if found else self._answer(404)

    def _written(self, method: str, key: str, asked: dict[str, str], value: bytes) -> Answer:
        entry = self.entries.get(key)
        if "cas" in asked and int(asked["cas"]) != (entry.modified if entry else 0):
            return self._answer(200, False)
        if method == "DELETE":
            if self.entries.pop(key, None) is not None:
                self._next()
            return self._answer(200, True)
        session = entry.session if entry else ""
        locks = entry.locks if entry else 0
        if wanted := asked.get("acquire"):
            if wanted not in self.sessions:
                return self._answer(500, f"invalid session {wanted!r}")
            if session not in ("", wanted) or asyncio.get_running_loop().time() < self._delayed.get(key, 0.0):
                return self._answer(200, False)
            session, locks = wanted, locks + (session != wanted)
        elif released := asked.get("release"):
            if session != released:
                return self._answer(200, False)
            session = ""
        at = self._next()
        created = entry.created if entry else at
        self.entries[key] = _Entry(key, value, int(asked.get("flags", 0)), created, at, session, locks)
        return self._answer(200, True)

    def _answer(self, status: int, body: object = "") -> Answer:
        return Answer(status, {"x-consul-index": str(self.index)}, msgspec.json.encode(body) if body != "" else b"")


@dataclass
class Weather:
    """What becomes of the requests of one client: how many are lost, on the way there or back."""

    rand: Random
    loss: float = 0.0
    is_away: bool = False
    """Whether its agent cannot be reached at all."""
    silence: float = 0.5
    """How many of the lost ones nobody tells of."""


class _Line:
    """A client's transport into the model."""

    def __init__(self, world: World, weather: Weather) -> None:
        self._world = world
        self._weather = weather

    async def send(self, wire: Wire) -> Answer:
        """One exchange. Raises TransportError."""
        await self._travel(wire)
        try:
            async with asyncio.timeout(wire.silence):
                answer = await self._world.serve(wire)
        except TimeoutError:
            raise _lost(wire, "context deadline exceeded", timed_out=True) from None
        await self._travel(wire)
        return answer

    async def _travel(self, wire: Wire) -> None:
        rand, weather = self._weather.rand, self._weather
        await asyncio.sleep(rand.uniform(0.0, 0.05))
        if not weather.is_away and rand.random() >= weather.loss:
            return
        if rand.random() < weather.silence:
            await asyncio.sleep(wire.silence or 0.0)
            raise _lost(wire, "context deadline exceeded", timed_out=True)
        raise _lost(wire, "connection refused")

    async def aclose(self) -> None:
        """Nothing is open."""


def _lost(wire: Wire, reason: str, *, timed_out: bool = False) -> TransportError:
    return TransportError(wire.method, wire.target, "model", reason, timed_out=timed_out)


def client_of(world: World, weather: Weather) -> AsyncClient:
    """A real client, but for its transport."""
    client = AsyncClient(Settings(address="127.0.0.1:1", retry=Retry(base=0.05)))
    client._transport = _Line(world, weather)  # pyright: ignore
    return client


def play(monkeypatch: pytest.MonkeyPatch, seed: int, work: Callable[[Random], Coroutine[Any, Any, None]]) -> None:
    """Let ``work`` happen in leaping time; all chance comes from the seed."""
    rand, loop = Random(seed), LeapingLoop()
    monkeypatch.setattr(tasks, "time", SimpleNamespace(monotonic=loop.time))
    monkeypatch.setattr(tasks, "os", SimpleNamespace(urandom=rand.randbytes))
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(work(rand))
