"""One snapshot: taken, checked, encrypted, stored everywhere, read back; then the oldest archives go.

Every step that fails says so, to the log and to whoever asked; nothing is skipped. What blocks (files, the clouds'
libraries) runs in threads that stop as soon as they are told to.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from pyconsul.primitives.durations import SECOND, format_duration
from pyconsul.primitives.system_errors import system_text
from pyconsul.sdk import AsyncClient, QueryOptions
from pyconsul.sdk.errors import ConsulError
from pyconsul_snapshot_agent.archive import ArchiveError, Summary, verify
from pyconsul_snapshot_agent.config import Schedule
from pyconsul_snapshot_agent.halt import Halt
from pyconsul_snapshot_agent.lines import logger
from pyconsul_snapshot_agent.names import id_of, name_of, surplus
from pyconsul_snapshot_agent.scratch import Scratch
from pyconsul_snapshot_agent.sealing import Keys, SealError, seal, unseal
from pyconsul_snapshot_agent.stats import Stats
from pyconsul_snapshot_agent.storage import Storage, StorageError, StorageUnusable

SWEEP_AGE: Final = 24 * 3600.0  # seconds; what is younger may belong to an upload that still goes on
Tell = Callable[[str], Awaitable[None]]


class SaveFailed(Exception):
    """A snapshot could not be taken, or not be stored everywhere; the text says what went wrong where."""


class Saved(msgspec.Struct, frozen=True):
    """A snapshot that every destination holds. ``complaints`` are about old archives that could not be deleted."""

    id: int
    index: int
    size: int
    complaints: Sequence[str] = ()


class Parcel(msgspec.Struct, frozen=True):
    """What goes to the destinations: an archive, perhaps sealed, and the name of it."""

    id: int
    content: Scratch
    summary: Summary


class Saver:
    """Takes snapshots of one Consul into a fixed set of destinations."""

    def __init__(
        self,
        schedule: Schedule,
        targets: Sequence[Storage],
        keys: Keys,
        stats: Stats,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.targets = targets
        self._schedule = schedule
        self._keys = keys
        self._stats = stats
        self._clock_ns = clock_ns

    async def save(self, client: AsyncClient, halt: Halt, tell: Tell) -> Saved:
        """Take one snapshot and store it. ``tell`` hears of every failed attempt at once.

        Raises SaveFailed, and Halted when ``halt`` says so.
        """
        started = time.monotonic()
        folder = self._schedule.local_scratch_path
        try:
            with Scratch(folder) as taken, Scratch(folder) as sealed:
                summary = await halt.unless(self._take(client, taken, halt))
                if self._keys.secrets:
                    await asyncio.to_thread(sealed.fill, seal(taken.open(halt), self._keys))
                parcel = Parcel(self._clock_ns(), sealed if self._keys.secrets else taken, summary)
                saved = await self._store_everywhere(parcel, halt, tell)
        except OSError as error:
            reason = system_text(error)
            raise SaveFailed(f"scratch file in {folder or tempfile.gettempdir()}: {reason}") from error
        self._stats.last_seconds = time.monotonic() - started
        return saved

    async def sweep(self) -> None:
        """Remove what killed uploads left behind long ago; a failure is only worth a line."""
        for target in self.targets:
            try:
                swept = await asyncio.to_thread(target.sweep, time.time() - SWEEP_AGE)
            except StorageError as error:
                logger.warning("Cannot look for unfinished uploads in %s: %s", target.where, error)
                continue
            if swept:
                logger.info("Removed %d unfinished uploads from %s", swept, target.where)

    async def _take(self, client: AsyncClient, out: Scratch, halt: Halt) -> Summary:
        options = QueryOptions(consistency="stale" if self._schedule.stale else "default")
        try:
            async with await client.snapshot.save(options) as stream:
                async for piece in stream:
                    halt.check()
                    await asyncio.to_thread(out.write, piece)
            return await asyncio.to_thread(verify, out.open(halt))
        except ConsulError as error:
            raise SaveFailed(f"failed to take a snapshot: {error}") from error
        except ArchiveError as error:
            raise SaveFailed(f"Consul sent a snapshot that is not whole: {error}") from error

    async def _store_everywhere(self, parcel: Parcel, halt: Halt, tell: Tell) -> Saved:
        """All destinations at the same time; one that fails does not keep the others from it."""
        works = [self._store(target, parcel, halt, tell) for target in self.targets]
        results = await asyncio.gather(*works, return_exceptions=True)
        # Halted first: that it was told to stop says more than what failed for it.
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, SaveFailed):
                raise result
        failed = [str(result) for result in results if isinstance(result, SaveFailed)]
        if failed:
            raise SaveFailed("; ".join(failed))
        complaints = [result for result in results if isinstance(result, str) and result]
        return Saved(parcel.id, parcel.summary.index, parcel.content.size, complaints)

    async def _store(self, target: Storage, parcel: Parcel, halt: Halt, tell: Tell) -> str:
        """One destination, with retries. What could not be deleted comes back, "" for nothing."""
        failures = 0
        while True:
            try:
                await asyncio.to_thread(self._attempt, target, parcel, halt)
                break
            # Beyond their own classes the clouds' libraries let those of their own libraries through; none of
            # that may end the daemon, and all of it means that the archive is not stored.
            except Exception as error:
                halt.check()
                self._stats.target(target.where).failed_attempts += 1
                text = f"failed to store {name_of(parcel.id)} in {target.where}: {error or type(error).__name__}"
                pause = None if isinstance(error, StorageUnusable) else self._schedule.retry.pause_ns(failures)
                if pause is None:
                    await asyncio.to_thread(_forget, target, parcel)
                    raise SaveFailed(text) from error
                failures += 1
                logger.warning("%s (attempt %d, next in %s)", text, failures, format_duration(pause))
                await tell(text)
                await halt.wait(pause / SECOND)
                halt.check()
        try:
            return await asyncio.to_thread(self._rotate, target, parcel.id, halt)
        except StorageError as error:
            logger.warning("Cannot delete old archives in %s: %s", target.where, error)
            return f"cannot delete old archives in {target.where}: {error}"

    def _attempt(self, target: Storage, parcel: Parcel, halt: Halt) -> None:
        name = target.fixed_name or name_of(parcel.id)
        target.put(name, parcel.content.open(halt), parcel.content.size)
        try:
            self._check(target, name, parcel, halt)
        except (StorageError, ArchiveError, SealError) as error:
            raise StorageError(f"the stored archive is not good: {error}") from error

    def _check(self, target: Storage, name: str, parcel: Parcel, halt: Halt) -> None:
        """Is the archive there, of that size, with those bytes, and can it be decoded?"""
        sizes = {stored.name: stored.size for stored in target.stored()}
        if name not in sizes:
            raise StorageError("it is not listed")
        if sizes[name] != parcel.content.size:
            raise StorageError(f"it has {sizes[name]} bytes in place of {parcel.content.size}")
        if not self._schedule.verify:
            return
        pieces = Counted(target.pieces(name), halt)
        summary = verify(unseal(pieces, self._keys))
        pieces.drain()
        if pieces.digest != parcel.content.digest or summary != parcel.summary:
            raise StorageError("its bytes are not the ones that were sent")

    def _rotate(self, target: Storage, saved: int, halt: Halt) -> str:
        """Delete what is beyond the number to keep; only ever after ``saved`` was read back."""
        if target.fixed_name:
            return ""
        names = [stored.name for stored in target.stored()]
        numbers = self._stats.target(target.where)
        numbers.stored = len(names)
        for name in surplus(names, self._schedule.retain, saved):
            halt.check()
            target.delete(name)
            numbers.deleted += 1
            numbers.stored -= 1
            logger.debug("Deleted snapshot %s from %s", id_of(name), target.where)
        return ""


class Counted:
    """Pieces that are hashed on their way; stops with Halted."""

    def __init__(self, pieces: Iterable[bytes], halt: Halt | None = None) -> None:
        self._pieces = iter(pieces)
        self._halt = halt
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """SHA-256 so far, in hexadecimal."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if self._halt is not None:
                self._halt.check()
            self._hash.update(piece)
            self.size += len(piece)
            yield piece

    def drain(self) -> None:
        """Read what nobody wanted, so that it counts, too."""
        for _ in self:
            pass


def _forget(target: Storage, parcel: Parcel) -> None:
    """Remove what the last attempt may have left, so that nobody takes what was not proven for a good archive."""
    if target.fixed_name:
        return
    try:
        target.delete(name_of(parcel.id))
    except Exception as error:  # as with storing: the snapshot has failed, this is only tidiness
        logger.warning("Cannot delete %s from %s: %s", name_of(parcel.id), target.where, error)
