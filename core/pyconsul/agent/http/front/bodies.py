"""Bodies of requests while they come: how much of each is taken, and how much memory all of them hold together."""

from __future__ import annotations

from contextlib import suppress
from typing import IO, Final

from pyconsul.agent.http.front.heads import Refused
from pyconsul.primitives.system_errors import file_text, naming

SNAPSHOT_LIMIT: Final = 16 << 30
FREE_BODY: Final = 64 << 10  # a body up to here is taken however many others there are
ALL_BODIES: Final = 256 << 20  # all larger ones together, as far as they are in memory
SPOOL_FROM: Final = 1 << 20  # a snapshot above goes to a file
OVERLOOKED: Final = 256 << 10  # bytes of a body that is not wanted which are read for the sake of the connection


class Bodies:
    """What the bodies of one agent hold: ``held`` bytes in memory; files of large snapshots are made in ``folder``."""

    def __init__(self, folder: str) -> None:
        self.held = 0
        self.folder = folder

    def charge(self, size: int) -> None:
        """Count so many bytes. Raises Refused where all together are too many."""
        if self.held + size > ALL_BODIES:
            raise Refused(503, "Service Unavailable", "Too many large request bodies at once, try again later")
        self.held += size


class RequestBody:
    """One body. ``wanted`` is False where the request's method has none; ``free`` bytes of it are not charged."""

    __slots__ = ("_bodies", "_charged", "_counted", "_free", "_kept", "file", "limit", "size", "wanted")

    def __init__(self, bodies: Bodies, limit: int, *, wanted: bool, free: int = FREE_BODY) -> None:
        self._bodies = bodies
        self._free = free
        self._kept = bytearray()  # not pieces, each of which costs more than a short chunk's bytes
        self._charged = 0
        self._counted = 0  # of ``size``
        self.limit = limit
        self.wanted = wanted
        self.size = 0  # of all that came
        self.file: IO[bytes] | None = None  # a large snapshot

    def announce(self, length: int) -> bool:
        """Whether a body of that length is taken; if not, that is its size."""
        if not self.wanted or length <= self.limit:
            return True
        self.size = length
        return False

    def take(self, piece: bytes) -> bool:
        """Keep a piece; False where the body became longer than what is taken. Raises Refused."""
        self.size += len(piece)
        if not self.wanted:
            return self.size <= OVERLOOKED
        if self.size > self.limit:
            self._kept.clear()
            return False
        if self.limit == SNAPSHOT_LIMIT and self.size > SPOOL_FROM:
            self._spool(piece)
            return True
        self._kept += piece
        if self.size > self._free:
            self.hold(self.size - self._counted)
            self._counted = self.size
        return True

    def hold(self, size: int) -> None:
        """Count so many bytes as held until ``drop``. Raises Refused."""
        self._bodies.charge(size)
        self._charged += size

    def joined(self) -> bytes:
        """What came and is in memory, once; it stays charged."""
        whole = bytes(self._kept)
        self._kept.clear()
        if self.file is not None:
            self.file.seek(0)
        return whole

    def drop(self) -> None:
        """Let go of everything."""
        self._bodies.held -= self._charged
        self._charged = 0
        self._kept.clear()
        if self.file is not None:
            with suppress(OSError):  # what is buffered, and has no room, is not wanted
                self.file.close()
            self.file = None

    def _spool(self, piece: bytes) -> None:
        """Put a piece into the file. Raises Refused where there is no room for it."""
        try:
            with naming(self._bodies.folder):
                self._write(piece)
        except OSError as error:
            told = f"failed to read snapshot file: {file_text(error)}"
            raise Refused(500, "Internal Server Error", told) from error

    def _write(self, piece: bytes) -> None:
        if self.file is None:
            import tempfile  # 3 ms, and only snapshots are spooled

            self.file = tempfile.TemporaryFile(dir=self._bodies.folder or None)  # noqa: SIM115  closed with the request
            self.file.write(self._kept)
            self._kept.clear()
        self.file.write(piece)
        self.file.flush()  # what has no room shall be known by the end of the body
