"""Snapshots on disk: ordinary archives, the newest two, each whole or not there at all. Blocking calls."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Final

import msgspec

from pyconsul.primitives.system_errors import file_text, words_of
from pyconsul.primitives.whole_files import make_directory, replacing, sync_directory
from pyconsul.raft.archive import Archive, ArchiveError, Meta, read_archive, snapshot_id, write_archive
from pyconsul.raft.log_store import LogError
from pyconsul.telemetry.logging import logger

log = logger("agent.server.raft.snapshot")

RETAINED: Final = 2  # as many as Consul keeps; the older one is for the day on which the newest is damaged
_SUFFIX: Final = ".snap"


class SnapshotStore(msgspec.Struct):
    """A directory of archives named ``<term>-<index>-<unix ms>.snap``, usable as they are with ``snapshot restore``.

    ``unusable`` names those that `newest` had to pass over, with the reason.
    """

    directory: Path
    unusable: list[str]

    @classmethod
    def at(cls, directory: Path) -> SnapshotStore:
        """Open the directory, making it if need be; what interrupted saves left is removed."""
        make_directory(directory)
        for path in directory.glob("*.tmp"):
            path.unlink()
        return cls(directory, [])

    def newest(self) -> Archive | None:
        """The newest archive that is whole, or None when there never was one.

        Raises LogError if there are some and none can be read.
        """
        paths = self._paths()
        for path in paths:
            try:
                with open(path, "rb") as file:
                    return read_archive(file, self.directory)
            except (ArchiveError, OSError) as e:
                self.unusable.append(f"{path}: {words_of(e)}")
        if paths:
            raise LogError("failed to load any existing snapshots: " + "; ".join(self.unusable))
        return None

    def save(self, meta: Meta, state: IO[bytes]) -> tuple[Meta, IO[bytes]]:
        """Write an archive durably and return it opened for reading, with its complete meta; drop older ones.

        After an OSError there is no such snapshot; after a LogError nobody knows.
        """
        meta = msgspec.structs.replace(meta, id=snapshot_id(meta.term, meta.index), size=state.seek(0, 2))
        path = self.directory / f"{meta.id}{_SUFFIX}"
        try:
            self._write(path, meta, state)
            opened = open(path, "rb")  # noqa: SIM115 -- handed to the caller
        except OSError as error:
            self._forget(path, error)
            raise
        self._drop_old()
        return meta, opened

    def _drop_old(self) -> None:
        """Remove what is older than those to keep; one that stays is only in the way."""
        for old in self._paths()[RETAINED:]:
            try:
                old.unlink()
            except OSError as error:
                log.error("failed to reap snapshot", error=file_text(error))

    @staticmethod
    def _write(path: Path, meta: Meta, state: IO[bytes]) -> None:
        with replacing(path, mode=0o666) as file:
            write_archive(file, meta, state)
        sync_directory(path.parent)

    @staticmethod
    def _forget(path: Path, error: OSError) -> None:
        """Undo a save that failed, so that a restart does not find what was never acknowledged."""
        try:
            path.unlink(missing_ok=True)
            sync_directory(path.parent)
        except OSError as e:
            raise LogError(f"{file_text(error)}, and it cannot be removed: {file_text(e)}") from error

    def _paths(self) -> list[Path]:
        """The archives, newest first, by term before index as Raft has it; files with other names are none of ours."""
        named: list[tuple[tuple[int, int, int], Path]] = []
        for path in self.directory.glob("*" + _SUFFIX):
            parts = path.stem.split("-")
            if len(parts) == 3 and all(p.isdigit() for p in parts):
                term, index, moment = map(int, parts)
                named.append(((term, index, moment), path))
        return [path for _, path in sorted(named, reverse=True)]
