"""Entries a second that become durable: our segment files, lmdb beside them, and the whole voter on top.

``python bench/durable_log.py [--seconds 3] [--directory DIR]``. The directory decides what is measured: it must lie on
the disk in question, not in memory. lmdb is measured where it is installed; the project does not need it.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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

    def finish(self) -> None:
        """Nothing to swap."""


def rate(write: Callable[[], int], seconds: float) -> float:
    """Entries a second of a function that writes some and says how many."""
    began = time.perf_counter()
    written = 0
    while time.perf_counter() - began < seconds:
        written += write()
    return written / (time.perf_counter() - began)


def segments(directory: Path, batch: int, seconds: float) -> float:
    """Appends of ``batch`` entries to segment files."""
    log = SegmentLog(directory)
    list(log.load(0))

    def write() -> int:
        first = log.last_index + 1
        log.append([LogRecord(first + n, 1, LogType.COMMAND, VALUE) for n in range(batch)])
        return batch

    try:
        return rate(write, seconds)
    finally:
        log.close()


def lmdb(directory: Path, batch: int, seconds: float) -> float | None:
    """Transactions of ``batch`` entries in lmdb; None where it is not installed."""
    try:
        module: Any = importlib.import_module("lmdb")
    except ModuleNotFoundError:
        return None
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


async def voter(directory: Path, writers: int, seconds: float) -> float:
    """Proposals through the voter by so many writers, each waiting for its answer."""
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
    return written / taken


def main() -> None:
    """Measure all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--directory", default=None)
    args = parser.parse_args()
    print("entries/s            " + "".join(f"{n:>3} writer{'s' if n > 1 else ' '}  " for n in WRITERS))
    with tempfile.TemporaryDirectory(dir=args.directory) as name:
        root = Path(name)
        rows: list[tuple[str, Callable[[int], float | None]]] = [
            ("segment files", lambda n: segments(root / f"segments-{n}", n, args.seconds)),
            ("lmdb", lambda n: lmdb(root / f"lmdb-{n}", n, args.seconds)),
            ("voter on segments", lambda n: asyncio.run(voter(root / f"voter-{n}", n, args.seconds))),
        ]
        for label, measure in rows:
            found = [measure(n) for n in WRITERS]
            print(f"{label:<20}" + "".join("    absent  " if f is None else f"{f:>11,.0f} " for f in found))


if __name__ == "__main__":
    main()
