"""Entries a second that become durable: segment files, lmdb beside them, and the whole voter on top. Ours alone.

The directory of the run decides what is measured (``--directory``): it must lie on the disk in question, not in memory.
lmdb is measured where it is installed; the project does not need it.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

from bench.measures import Reading, Row, measure
from bench.trial import Trial
from pyconsul.raft.archive import Server
from pyconsul.raft.consensus import Entry
from pyconsul.raft.log_format import LogRecord, LogType
from pyconsul.raft.log_store import SegmentLog
from pyconsul.raft.single import DurableVoter

VALUE = b"v" * 150  # about the size of a small KV write
WRITERS = (1, 32)


class Nothing:
    """A state machine that only answers."""

    has_private = False

    def apply(self, index: int, entry: Entry) -> Any:
        """Answer the index."""
        del entry
        return index

    def freeze(self) -> Nothing:
        """Nothing to freeze."""
        return self

    def records(self, *, private: bool) -> Iterator[bytes]:
        """No records."""
        del private
        return iter(())

    def restoring(self) -> Nothing:
        """Nothing to fill."""
        return self

    def load(self, number: int, data: bytes) -> None:
        """Forget a record."""

    def finish(self) -> Iterator[object]:
        """Nothing to swap, nothing to free."""
        return iter(())


def rate(write: Callable[[], int], seconds: float) -> Reading:
    """Entries a second of a function that writes some and says how many."""
    began = time.perf_counter()
    written = 0
    while time.perf_counter() - began < seconds:
        written += write()
    return Reading(written / (time.perf_counter() - began))


def rows(what: str) -> tuple[Row, ...]:
    """A row for each number of writers."""
    return tuple(Row(f"{what}, {n} writer{'s' if n > 1 else ''}", "entries/s") for n in WRITERS)


@measure("log", *rows("segment files"), peer="none")
def segments(trial: Trial) -> list[Reading | None]:
    """Appends of as many entries at once as there are writers."""
    return [_segments(trial.directory / f"segments-{n}", n, trial.scale.seconds) for n in WRITERS]


def _segments(directory: Path, batch: int, seconds: float) -> Reading:
    log = SegmentLog(directory)
    list(log.load(0))

    numbers = count(1)

    def write() -> int:
        log.append([LogRecord(next(numbers), 1, LogType.COMMAND, VALUE) for _ in range(batch)])
        return batch

    try:
        return rate(write, seconds)
    finally:
        log.close()


@measure("log", *rows("lmdb"), peer="none")
def lmdb(trial: Trial) -> list[Reading | None]:
    """Transactions of as many entries as there are writers; nothing where it is not installed."""
    try:
        module: Any = importlib.import_module("lmdb")
    except ModuleNotFoundError:
        return [None for _ in WRITERS]
    return [_lmdb(module, trial.directory / f"lmdb-{n}", n, trial.scale.seconds) for n in WRITERS]


def _lmdb(module: Any, directory: Path, batch: int, seconds: float) -> Reading:
    environment = module.open(str(directory), map_size=1 << 32)
    written = 0

    def write() -> int:
        nonlocal written
        with environment.begin(write=True) as transaction:
            for n in range(batch):
                transaction.put((written + n).to_bytes(8, "big"), VALUE, append=True)
        written += batch
        return batch

    try:
        return rate(write, seconds)
    finally:
        environment.close()


@measure("log", *rows("the voter on segment files"), peer="none")
def voter(trial: Trial) -> list[Reading | None]:
    """Proposals through the voter, each writer waiting for its answer."""
    return [asyncio.run(_voter(trial.directory / f"voter-{n}", n, trial.scale.seconds)) for n in WRITERS]


async def _voter(directory: Path, writers: int, seconds: float) -> Reading:
    running = DurableVoter(Nothing(), Server("bench", "127.0.0.1:8300"), directory)
    await running.start()
    loop = asyncio.get_running_loop()
    began = loop.time()
    written = 0

    async def write() -> None:
        nonlocal written
        while loop.time() - began < seconds:
            await running.propose(2, VALUE)
            written += 1

    await asyncio.gather(*(write() for _ in range(writers)))
    taken = loop.time() - began
    await running.stop()
    return Reading(written / taken)
