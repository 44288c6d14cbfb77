"""Taking one snapshot and storing it: nothing is skipped, nothing old goes before the new one is proven."""

from __future__ import annotations

import asyncio
import errno
import logging
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pyconsul.sdk import AsyncClient
from pyconsul.sdk.request import QueryOptions
from pyconsul.testing import InProcessAgent
from pyconsul_snapshot_agent.archive import verify
from pyconsul_snapshot_agent.config import Schedule
from pyconsul_snapshot_agent.halt import Halt, Halted
from pyconsul_snapshot_agent.saving import Saved, SaveFailed, Saver
from pyconsul_snapshot_agent.scratch import Scratch
from pyconsul_snapshot_agent.sealing import Keys, is_sealed, unseal
from pyconsul_snapshot_agent.stats import Stats
from pyconsul_snapshot_agent.storage import Source, StorageError, Stored
from pyconsul_snapshot_agent.testing import MemoryStorage

KEYS = Keys((bytes(range(32)),))
NO_KEYS = Keys()


class Bench:
    """A saver over given destinations, against a real agent."""

    def __init__(
        self, agent: InProcessAgent, schedule: Schedule, *targets: MemoryStorage, keys: Keys = NO_KEYS
    ) -> None:
        self.agent = agent
        self.stats = Stats()
        self.now = 1_000
        self.told: list[str] = []
        self.heard = asyncio.Event()
        self.halt = Halt()
        self.saver = Saver(schedule, targets, keys, self.stats, self.clock)

    def clock(self) -> int:
        """Nanoseconds; each snapshot is one later."""
        self.now += 1
        return self.now

    async def tell(self, problem: str) -> None:
        """Hear of a failed attempt."""
        self.told.append(problem)
        self.heard.set()

    async def save(self) -> Saved:
        """Save once."""
        async with self.agent.async_client() as client:
            return await self.saver.save(client, self.halt, self.tell)


Fast = Callable[..., Schedule]


async def test_a_snapshot_is_stored_and_read_back(consul_agent: InProcessAgent, fast: Fast) -> None:
    """Under the name of its ID; what is stored is an archive of Consul."""
    target = MemoryStorage()
    saved = await Bench(consul_agent, fast(), target).save()
    assert list(target.objects) == ["consul-1001.snap"]
    assert target.calls == ["put consul-1001.snap", "read consul-1001.snap"]
    assert verify([target.objects["consul-1001.snap"]]).index == saved.index > 0


@pytest.mark.parametrize(("stale", "consistency"), [(False, "default"), (True, "stale")])
async def test_any_server_may_take_the_snapshot_where_that_is_allowed(
    consul_agent: InProcessAgent, fast: Fast, monkeypatch: pytest.MonkeyPatch, stale: bool, consistency: str
) -> None:
    """With ``stale`` also one that has lost its leader."""
    bench = Bench(consul_agent, fast(stale=stale), MemoryStorage())
    asked: list[str] = []
    async with consul_agent.async_client() as client:
        save = client.snapshot.save

        async def noted(options: QueryOptions) -> Any:
            asked.append(options.consistency)
            return await save(options)

        monkeypatch.setattr(client.snapshot, "save", noted)
        await bench.saver.save(client, bench.halt, bench.tell)
    assert asked == [consistency]


async def test_all_destinations_get_the_same(consul_agent: InProcessAgent, fast: Fast) -> None:
    """One snapshot, not one each."""
    targets = [MemoryStorage("one"), MemoryStorage("two"), MemoryStorage("three")]
    await Bench(consul_agent, fast(), *targets).save()
    assert targets[0].objects == targets[1].objects == targets[2].objects != {}


async def test_the_oldest_beyond_the_number_go(consul_agent: InProcessAgent, fast: Fast) -> None:
    """After the new one was read back, never before; files of others stay."""
    target = MemoryStorage(objects={"consul-1.snap": b"", "consul-2.snap": b"", "consul-3.snap": b"", "notes": b""})
    bench = Bench(consul_agent, fast(retain=2), target)
    await bench.save()
    assert set(target.objects) == {"consul-3.snap", "consul-1001.snap", "notes"}
    assert target.calls.index("read consul-1001.snap") < target.calls.index("delete consul-1.snap")
    assert bench.stats.target("memory").deleted == 2


async def test_a_failed_upload_is_tried_again(consul_agent: InProcessAgent, fast: Fast) -> None:
    """With pauses; each failure is told at once."""
    target = MemoryStorage(refuse=2)
    bench = Bench(consul_agent, fast(), target)
    await bench.save()
    assert bench.told == ["failed to store consul-1001.snap in memory: out of space"] * 2
    assert list(target.objects) == ["consul-1001.snap"]


async def test_an_upload_that_keeps_failing_fails_the_snapshot(consul_agent: InProcessAgent, fast: Fast) -> None:
    """After the attempts that are configured; nothing old is deleted there; other destinations have it all the same."""
    bad = MemoryStorage("bad", refuse=99, objects={"consul-1.snap": b"", "consul-2.snap": b""})
    good = MemoryStorage("good", objects={"consul-1.snap": b"", "consul-2.snap": b""})
    bench = Bench(consul_agent, fast(retain=1), bad, good)
    with pytest.raises(SaveFailed, match=r"failed to store consul-1001\.snap in bad: out of space"):
        await bench.save()
    assert bench.stats.target("bad").failed_attempts == 3
    assert set(bad.objects) == {"consul-1.snap", "consul-2.snap"}
    assert set(good.objects) == {"consul-1001.snap"}


class Racer(MemoryStorage):
    """One of two destinations: what it takes, it takes only once the other one was ``given_up``."""

    given_up: threading.Event = msgspec.field(default_factory=threading.Event)

    def put(self, name: str, source: Source, size: int) -> None:
        """Refuse, or store after that."""
        assert self.refuse or self.given_up.wait(60)
        super().put(name, source, size)

    def delete(self, name: str) -> None:
        """Where an upload was given up, what it may have left is removed."""
        self.given_up.set()
        super().delete(name)


async def test_a_slow_destination_is_waited_for_when_another_one_has_failed(
    consul_agent: InProcessAgent, fast: Fast
) -> None:
    """It gets the whole archive, which is read back."""
    bad = Racer("bad", refuse=99)
    slow = Racer("slow", given_up=bad.given_up)
    with pytest.raises(SaveFailed, match="in bad: out of space"):
        await Bench(consul_agent, fast(), bad, slow).save()
    assert slow.calls == ["put consul-1001.snap", "read consul-1001.snap"]


SPOILT: list[tuple[Callable[[bytes], bytes], str]] = [
    (lambda data: data[:-1], "bytes in place of"),
    (lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:], "the stored archive is not good"),
    (lambda data: b"\0" * len(data), "not a snapshot archive"),
    (lambda data: data[:4] + b"time" + data[8:], "its bytes are not the ones that were sent"),  # in gzip's head
]


@pytest.mark.parametrize(("spoil", "problem"), SPOILT)
async def test_an_archive_that_comes_back_wrong_does_not_stay(
    consul_agent: InProcessAgent, fast: Fast, spoil: Callable[[bytes], bytes], problem: str
) -> None:
    """Nobody may take it for a good one, and no older one goes because of it."""
    target = MemoryStorage(spoil=spoil, objects={"consul-1.snap": b"good"})
    bench = Bench(consul_agent, fast(retain=1, attempts=1), target)
    with pytest.raises(SaveFailed, match=problem):
        await bench.save()
    assert target.objects == {"consul-1.snap": b"good"}


class Forgetful(MemoryStorage):
    """A destination that takes everything and lists nothing, and whose unfinished uploads nobody may see."""

    def stored(self) -> list[Stored]:
        """Nothing."""
        return []

    def sweep(self, before: float) -> int:
        """Refused."""
        raise StorageError("access denied")


async def test_an_archive_that_is_not_listed_is_not_stored(consul_agent: InProcessAgent, fast: Fast) -> None:
    """Whatever the destination said when it took it."""
    with pytest.raises(SaveFailed, match="the stored archive is not good: it is not listed"):
        await Bench(consul_agent, fast(), Forgetful()).save()


class Swept(MemoryStorage):
    """A destination with one unfinished upload."""

    def sweep(self, before: float) -> int:
        """Remove it."""
        self.calls.append("sweep")
        return 1


async def test_unfinished_uploads_of_one_place_do_not_keep_those_of_another(
    consul_agent: InProcessAgent, fast: Fast, caplog: pytest.LogCaptureFixture
) -> None:
    """Where they cannot be looked for, that is worth a line."""
    caplog.set_level(logging.INFO)
    await Bench(consul_agent, fast(), Forgetful("one"), Swept("two")).saver.sweep()
    assert caplog.messages == [
        "Cannot look for unfinished uploads in one: access denied",
        "Removed 1 unfinished uploads from two",
    ]


async def test_without_reading_back_the_size_still_counts(consul_agent: InProcessAgent, fast: Fast) -> None:
    """Downloads cost money in some clouds; a listing does not tell bytes, but it tells size."""
    target = MemoryStorage()
    await Bench(consul_agent, fast(verify=False), target).save()
    assert target.calls == ["put consul-1001.snap"]
    target.spoil = lambda data: data[:-1]
    with pytest.raises(SaveFailed, match="bytes in place of"):
        await Bench(consul_agent, fast(verify=False), target).save()


async def test_old_archives_that_cannot_go_are_complained_about(consul_agent: InProcessAgent, fast: Fast) -> None:
    """The new one is safe, so the snapshot did not fail."""
    target = MemoryStorage(undeletable=True, objects={"consul-1.snap": b""})
    saved = await Bench(consul_agent, fast(retain=1), target).save()
    assert saved.complaints == ["cannot delete old archives in memory: access denied"]


async def test_a_static_name_is_replaced_and_nothing_deleted(consul_agent: InProcessAgent, fast: Fast) -> None:
    """As S3 with a static snapshot name."""
    target = MemoryStorage(fixed_name="latest.snap", objects={"latest.snap": b"old", "consul-1.snap": b""})
    await Bench(consul_agent, fast(retain=1), target).save()
    assert verify([target.objects["latest.snap"]]).index > 0
    assert "consul-1.snap" in target.objects


async def test_with_a_key_only_sealed_bytes_leave(consul_agent: InProcessAgent, fast: Fast) -> None:
    """And they were opened again before the snapshot counted."""
    target = MemoryStorage()
    saved = await Bench(consul_agent, fast(), target, keys=KEYS).save()
    stored = target.objects["consul-1001.snap"]
    assert is_sealed(stored)
    assert len(stored) == saved.size
    assert verify(unseal([stored], KEYS)).index == saved.index


async def test_work_stops_when_it_is_told_to(consul_agent: InProcessAgent, fast: Fast) -> None:
    """In a pause between attempts, however long it is."""
    target = MemoryStorage(refuse=99)
    bench = Bench(consul_agent, fast(backoff=10**12, max_backoff=10**12), target)
    saving = asyncio.create_task(bench.save())
    async with asyncio.timeout(30):
        await bench.heard.wait()
        bench.halt.set("leadership was lost")
        with pytest.raises(Halted, match="leadership was lost"):
            await saving
    assert target.objects == {}


async def test_nothing_is_stored_or_deleted_after_that(consul_agent: InProcessAgent, fast: Fast) -> None:
    """Somebody else may lead by now."""
    target = MemoryStorage(objects={"consul-1.snap": b""})
    bench = Bench(consul_agent, fast(retain=1), target)
    bench.halt.set("leadership was lost")
    with pytest.raises(Halted):
        await bench.save()
    assert list(target.objects) == ["consul-1.snap"]


async def test_an_agent_that_does_not_answer_fails_the_snapshot(fast: Fast) -> None:
    """With the reason."""
    stats = Stats()
    saver = Saver(fast(), [MemoryStorage()], Keys(), stats)

    async def tell(_problem: str) -> None:
        raise AssertionError("there was no attempt to store anything")

    async with AsyncClient("127.0.0.1:1") as client:
        with pytest.raises(SaveFailed, match=r"failed to take a snapshot: .*connection refused"):
            await saver.save(client, Halt(), tell)


async def test_an_archive_that_arrives_broken_is_never_stored(
    consul_agent: InProcessAgent, fast: Fast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is proven before the first upload, too."""
    target = MemoryStorage()
    bench = Bench(consul_agent, fast(), target)

    async def broken(*_: Any) -> Any:
        return await client.raw("GET", "/v1/status/leader", stream=True)

    async with consul_agent.async_client() as client:
        monkeypatch.setattr(client.snapshot, "save", broken)
        with pytest.raises(SaveFailed, match="Consul sent a snapshot that is not whole"):
            await bench.saver.save(client, bench.halt, bench.tell)
    assert target.calls == []


async def test_a_scratch_directory_that_is_not_there_is_an_error(consul_agent: InProcessAgent, fast: Fast) -> None:
    """Not a reason to write somewhere else."""
    with pytest.raises(SaveFailed, match="scratch file in /nowhere: no such file or directory"):
        await Bench(consul_agent, fast(local_scratch_path="/nowhere"), MemoryStorage()).save()


async def test_a_full_scratch_disk_is_an_error(
    consul_agent: InProcessAgent, fast: Fast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is stored, and the message has the directory."""

    def full(_scratch: Scratch, _piece: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Scratch, "write", full)
    target = MemoryStorage()
    with pytest.raises(SaveFailed, match="scratch file in /tmp: no space left on device"):
        await Bench(consul_agent, fast(local_scratch_path="/tmp"), target).save()
    assert target.objects == {}


async def test_a_clock_that_jumps_back_does_not_cost_the_new_archive(consul_agent: InProcessAgent, fast: Fast) -> None:
    """Its number is lower than those before; the oldest of those goes."""
    target = MemoryStorage()
    bench = Bench(consul_agent, fast(retain=2), target)
    await bench.save()
    await bench.save()
    bench.now = 10
    await bench.save()
    assert sorted(target.objects) == ["consul-1002.snap", "consul-11.snap"]
