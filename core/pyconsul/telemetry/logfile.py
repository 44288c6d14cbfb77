"""Log lines into a file that is rotated by size or age, as ``log_file`` and ``log_rotate_*`` ask for."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from pyconsul.primitives.stray_bytes import as_bytes
from pyconsul.telemetry.logging import Level, Record, as_json, as_text

__all__ = ["FileSink"]

DEFAULT_ROTATE_SECONDS = 24 * 3600.0  # Consul's, where the configuration says nothing


def _for_its_owner(path: str, flags: int) -> int:
    """Open a file that, made new, its owner and group alone may read: log lines tell of keys and names."""
    return os.open(path, flags, 0o640)


class FileSink:
    """Appends to ``path`` (a name ending in ``/`` gets ``consul.log`` inside).

    A full or old file is renamed to ``name-<Unix nanoseconds>.ext``. ``keep``: how many of those stay; 0 all, negative
    none. ``clock`` names old files, ``ticks`` tells their age: setting the clock turns no file over. Raises OSError
    when the file cannot be opened.
    """

    def __init__(
        self,
        path: str,
        level: Level = Level.INFO,
        *,
        json_lines: bool = False,
        rotate_seconds: float = 0.0,
        rotate_bytes: int = 0,
        keep: int = 0,
        clock: Callable[[], float] = time.time,
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self.level = level
        self._path = Path(path) / "consul.log" if path.endswith("/") else Path(path)
        self._layout = as_json if json_lines else as_text
        self._rotate_seconds = rotate_seconds or DEFAULT_ROTATE_SECONDS
        self._rotate_bytes = rotate_bytes
        self._keep = keep
        self._clock = clock
        self._ticks = ticks
        self._lock = threading.Lock()
        self._prune()
        self._file = self._open()

    def write(self, record: Record) -> None:
        """Write one line, into a new file when it is time for one; a line that the disk does not take is lost.

        There is nowhere to complain to, the line stands on standard output, and the next one may be taken.
        """
        line = as_bytes(self._layout(record))
        with self._lock:
            if self._file.closed:
                return
            with contextlib.suppress(OSError):  # the present file goes on, then
                self._rotate_if_due()
            with contextlib.suppress(OSError):
                self._file.write(line)
                self._written += len(line)

    def close(self) -> None:
        """Close the file; no line is taken any more."""
        with self._lock:
            self.level = Level.OFF
            self._file.close()

    def _open(self) -> FileIO:
        # Not buffered: what cannot be written is not kept to be tried again.
        file = FileIO(self._path, "a", opener=_for_its_owner)
        # What an earlier start has left is as old as its last line.
        self._opened = self._ticks() - max(0.0, self._clock() - os.fstat(file.fileno()).st_ctime)
        self._written = 0
        return file

    def _rotate_if_due(self) -> None:
        is_full = 0 < self._rotate_bytes <= self._written
        if not is_full and self._ticks() - self._opened < self._rotate_seconds:
            return
        with contextlib.suppress(FileNotFoundError):  # somebody has put it aside already
            self._path.rename(self._path.with_name(f"{self._path.stem}-{int(self._clock() * 1e9)}{self._suffix}"))
        before, self._file = self._file, self._open()
        with contextlib.suppress(OSError):
            before.close()
        self._prune()

    @property
    def _suffix(self) -> str:
        return self._path.suffix or ".log"

    def _prune(self) -> None:
        if self._keep == 0:
            return
        old = sorted(self._path.parent.glob(f"{self._path.stem}-*{self._suffix}"))
        for path in old if self._keep < 0 else old[: max(0, len(old) - self._keep)]:
            path.unlink(missing_ok=True)
