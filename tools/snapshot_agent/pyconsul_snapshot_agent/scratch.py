"""Archives on their way: temporary files without a name, which are gone even when the process is killed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from types import TracebackType

from pyconsul_snapshot_agent.archive import CHUNK_BYTES
from pyconsul_snapshot_agent.halt import Halt


class Scratch:
    """A file that is written once and then read by several threads at the same time. A context manager."""

    def __init__(self, folder: str = "") -> None:
        self._file = tempfile.TemporaryFile(dir=folder or None)  # noqa: SIM115 - closed by close()
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def digest(self) -> str:
        """SHA-256 of what was written, in hexadecimal."""
        return self._hash.hexdigest()

    def write(self, piece: bytes) -> None:
        """Append bytes."""
        self._file.write(piece)
        self._hash.update(piece)
        self.size += len(piece)

    def fill(self, pieces: Iterable[bytes]) -> Scratch:
        """Append all of them."""
        for piece in pieces:
            self.write(piece)
        self._file.flush()
        return self

    def open(self, halt: Halt | None = None) -> View:
        """A reader with a place of its own."""
        self._file.flush()
        return View(self._file.fileno(), self.size, halt)

    def clear(self) -> None:
        """Begin again with an empty file."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()
        self.size = 0

    def close(self) -> None:
        """Drop the file."""
        self._file.close()

    def __enter__(self) -> Scratch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class View:
    """As much of a file as the clouds' libraries need for an upload. Reading raises Halted when work shall stop."""

    def __init__(self, handle: int, size: int, halt: Halt | None) -> None:
        self._handle = handle
        self._size = size
        self._halt = halt
        self._at = 0

    def read(self, size: int = -1, /) -> bytes:
        """Up to ``size`` bytes, all that is left for a negative one."""
        if self._halt is not None:
            self._halt.check()
        left = max(0, self._size - self._at)
        wanted = left if size < 0 else min(size, left)
        parts: list[bytes] = []
        while wanted > 0 and (piece := os.pread(self._handle, wanted, self._at)):
            parts.append(piece)
            self._at += len(piece)
            wanted -= len(piece)
        return b"".join(parts)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Go to a place, as files do."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """The place."""
        return self._at

    def seekable(self) -> bool:
        """Yes."""
        return True

    def readable(self) -> bool:
        """Yes."""
        return True

    def close(self) -> None:
        """Nothing to do: the file belongs to the scratch. Some libraries close what they have read."""

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(CHUNK_BYTES):
            yield piece
