"""Single voters over a machine that is a dictionary."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pyconsul.raft.archive import ArchiveError, Meta, Server, write_archive
from pyconsul.raft.consensus import Entry, UnappliableEntry
from pyconsul.raft.records import header, record
from pyconsul.raft.single import DurableVoter, MemoryVoter, SnapshotRules
from pyconsul.structs import gomsgpack
from pyconsul.structs.errors import BadRequest
from pyconsul.telemetry.logging import Level, Monitor, add_sink, remove_sink

SET = 2


class Frozen:
    """A copy of the dict; ``private`` records are those of keys that begin with a dot."""

    def __init__(self, rows: dict[str, str]) -> None:
        self.rows = rows
        self.has_private = any(k.startswith(".") for k in rows)

    def records(self, *, private: bool) -> Iterator[bytes]:
        """One record a key."""
        yield header(1)
        for key, value in self.rows.items():
            if private or not key.startswith("."):
                yield record(SET, [key, value])


class Filling:
    """A dict that replaces the machine's."""

    def __init__(self, machine: Dictionary) -> None:
        self.machine = machine
        self.rows: dict[str, str] = {}

    def load(self, number: int, data: bytes) -> None:
        """Take one pair."""
        if number != SET:
            raise ArchiveError(f"no record type {number}")
        key, value = gomsgpack.decode(data, list[str])
        self.rows[key] = value

    def finish(self) -> Iterator[object]:
        """Swap; there is nothing to free."""
        self.machine.rows = self.rows
        return iter(())


class Dictionary:
    """Sets keys; the answer is the value that was there. The value "refuse" is refused."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.applied: list[int] = []

    def apply(self, index: int, entry: Entry) -> Any:
        """Set one key."""
        self.applied.append(index)
        key, value = entry.request_as(list[str])
        if value == "refuse":
            return BadRequest("refused")
        if value == "break":
            raise RuntimeError("broken")
        if value == "unknown":
            raise UnappliableEntry("unknown")
        old = self.rows.get(key)
        self.rows[key] = value
        return old

    def freeze(self) -> Frozen:
        """A copy."""
        return Frozen(dict(self.rows))

    def restoring(self) -> Filling:
        """An empty one."""
        return Filling(self)


@contextmanager
def logged(level: Level) -> Generator[Callable[[], str]]:
    """What is logged inside at this level and above, once it is asked for."""
    monitor = Monitor(level)
    add_sink(monitor)
    try:
        yield monitor.take
    finally:
        remove_sink(monitor)


ME = Server("node-1", "127.0.0.1:8300")


FEW = SnapshotRules(interval=3600, threshold=5, trailing_logs=2)


@asynccontextmanager
async def durable(directory: Path, rules: SnapshotRules = FEW) -> AsyncGenerator[tuple[DurableVoter, Dictionary]]:
    """A running voter on disk with its machine."""
    machine = Dictionary()
    voter = DurableVoter(machine, ME, directory / "raft", rules)
    await voter.start()
    try:
        yield voter, machine
    finally:
        await voter.stop()


@asynccontextmanager
async def memory(directory: Path) -> AsyncGenerator[tuple[MemoryVoter, Dictionary]]:
    """A running voter in memory with its machine."""
    del directory
    machine = Dictionary()
    voter = MemoryVoter(machine, ME)
    await voter.start()
    yield voter, machine
    await voter.stop()


Running = Callable[[Path], AbstractAsyncContextManager[tuple[DurableVoter | MemoryVoter, Dictionary]]]
"""Runs a voter of either kind, whose files are in that folder."""

both: Any = pytest.mark.parametrize("running", [memory, durable])


def a_state(**rows: str) -> io.BytesIO:
    """A state.bin with these pairs."""
    return io.BytesIO(b"".join(Frozen(rows).records(private=True)))


def an_archive(index: int, **rows: str) -> io.BytesIO:
    """An archive of a dict."""
    out = io.BytesIO()
    write_archive(out, Meta(index=index, term=1), a_state(**rows))
    out.seek(0)
    return out


def write_until_killed(directory: str) -> None:
    """What the killed process does: write with eight hands, print what was acknowledged."""

    async def main() -> None:
        rules = SnapshotRules(interval=0.02, threshold=50, trailing_logs=10)
        voter = DurableVoter(Dictionary(), ME, Path(directory), rules)
        await voter.start()

        async def write(who: int) -> None:
            for n in range(1_000_000):
                await voter.propose(SET, [f"{who}", str(n)])
                print(who, n, flush=True)

        await asyncio.gather(*(write(who) for who in range(8)))

    asyncio.run(main())
