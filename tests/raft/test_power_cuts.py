"""Power cuts: a disk that forgets what was not synced still holds all that was acknowledged.

A killed process proves little, for the kernel goes on to write what it had left in its pages. Here syncs are watched:
of a file only the bytes of its last sync count, of a folder only the names of its own.
"""

from __future__ import annotations

import asyncio
import functools
import os
import random
import stat
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pyconsul.raft import durable as durable_module
from pyconsul.raft.log_store import SegmentLog
from pyconsul.raft.single import DurableVoter, SnapshotRules
from tests.raft.voters import ME, SET, Dictionary, an_archive

RULES = SnapshotRules(interval=0.01, threshold=40, trailing_logs=10)


@dataclass
class Cut:
    """What the platters hold at one moment, and what had been acknowledged by then."""

    names: dict[int, dict[str, int]]  # of each folder, by inode
    bytes: dict[int, bytes]  # of each file, by inode
    acknowledged: dict[str, str]


@dataclass
class Platters:
    """A disk below ``root`` that keeps what was synced, and nothing else."""

    root: Path
    names: dict[int, dict[str, int]] = field(default_factory=dict[int, dict[str, int]])
    bytes: dict[int, bytes] = field(default_factory=dict[int, bytes])
    held: list[int] = field(default_factory=list[int])  # descriptors, so that no inode is used again
    lock: threading.Lock = field(default_factory=threading.Lock)

    def sync(self, descriptor: int) -> None:
        """Take a file's bytes or a folder's names over."""
        with self.lock:
            status = os.fstat(descriptor)
            if stat.S_ISDIR(status.st_mode):
                self.names[status.st_ino] = {entry.name: entry.inode() for entry in os.scandir(descriptor)}
            else:
                path = f"/proc/self/fd/{descriptor}"
                self.bytes[status.st_ino] = Path(path).read_bytes()
            self.held.append(os.dup(descriptor))

    def cut(self, acknowledged: dict[str, str]) -> Cut:
        """The power fails now."""
        with self.lock:
            return Cut({inode: dict(names) for inode, names in self.names.items()}, dict(self.bytes), acknowledged)

    def close(self) -> None:
        """Let go of all files."""
        for descriptor in self.held:
            os.close(descriptor)

    def rebuild(self, cut: Cut, target: Path) -> None:
        """What a restart finds, as a tree at ``target``."""
        self._rebuild(cut, os.stat(self.root).st_ino, target)

    def _rebuild(self, cut: Cut, inode: int, target: Path) -> None:
        target.mkdir()
        for name, inner in cut.names.get(inode, {}).items():
            if inner in cut.names or name in ("raft", "log", "snapshots"):
                self._rebuild(cut, inner, target / name)
            else:
                (target / name).write_bytes(cut.bytes.get(inner, b""))


@pytest.fixture
def platters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A watched disk, and logs with files so small that many come and go."""
    disk = Platters(tmp_path / "disk")
    disk.root.mkdir()
    monkeypatch.setattr(os, "fsync", disk.sync)
    monkeypatch.setattr(os, "fdatasync", disk.sync)
    monkeypatch.setattr(durable_module, "SegmentLog", functools.partial(SegmentLog, segment_bytes=2000))
    yield disk
    disk.close()


async def recovered(platters: Platters, cut: Cut, target: Path) -> dict[str, str]:
    """The rows of a voter that starts with what a cut left."""
    platters.rebuild(cut, target)
    machine = Dictionary()
    voter = DurableVoter(machine, ME, target / "raft", RULES)
    await voter.start()
    await voter.stop()
    return machine.rows


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_was_acknowledged_survives_a_power_cut(seed: int, platters: Platters, tmp_path: Path) -> None:
    """At any moment, with snapshots being saved and log files being begun and dropped on the way."""
    choice = random.Random(seed)
    acknowledged: dict[str, str] = {}
    cuts: list[Cut] = []
    voter = DurableVoter(Dictionary(), ME, platters.root / "raft", RULES)
    await voter.start()

    async def write(who: str) -> None:
        for number in range(60):
            await voter.propose(SET, [who, str(number)])
            acknowledged[who] = str(number)
            if choice.random() < 0.05:
                cuts.append(platters.cut(dict(acknowledged)))

    await asyncio.gather(*(write(str(who)) for who in range(8)))
    await voter.stop()
    assert cuts
    for number, cut in enumerate(cuts):
        rows = await recovered(platters, cut, tmp_path / str(number))
        assert all(int(rows[who]) >= int(n) for who, n in cut.acknowledged.items()), f"seed {seed}, cut {number}"


async def test_an_acknowledged_restore_survives_a_power_cut(platters: Platters, tmp_path: Path) -> None:
    """The archive's rows are there, and nothing of before."""
    voter = DurableVoter(Dictionary(), ME, platters.root / "raft", RULES)
    await voter.start()
    await voter.propose(SET, ["before", "1"])
    await voter.restore(an_archive(50, restored="1"))
    cut = platters.cut({})
    await voter.stop()
    assert await recovered(platters, cut, tmp_path / "after") == {"restored": "1"}


async def test_a_first_acknowledged_write_survives_a_power_cut(platters: Platters, tmp_path: Path) -> None:
    """The folders that were just made are there, too."""
    voter = DurableVoter(Dictionary(), ME, platters.root / "raft", RULES)
    await voter.start()
    await voter.propose(SET, ["first", "1"])
    cut = platters.cut({})
    await voter.stop()
    assert await recovered(platters, cut, tmp_path / "after") == {"first": "1"}
