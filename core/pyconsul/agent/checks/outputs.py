"""What remains of a check's output: the newest bytes up to a limit, as text that every client can read."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["DEFAULT_LIMIT", "Tail", "as_text"]

DEFAULT_LIMIT = 4096
_STRAY_BYTE: Final = re.compile(r"[\udc80-\udcff]")


class Tail:
    """Keeps the last ``limit`` bytes of what is written, and counts all of them."""

    __slots__ = ("_kept", "limit", "total")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.total = 0
        self._kept = bytearray()

    def write(self, data: bytes) -> None:
        """Take more output in."""
        self.total += len(data)
        self._kept += data[-self.limit :]
        if len(self._kept) > self.limit:
            del self._kept[: -self.limit]

    def text(self) -> str:
        """What is kept."""
        return as_text(bytes(self._kept))

    def captured(self) -> str:
        """What is kept, with a line that says how much that is when something was lost."""
        if self.total > self.limit:
            return f"Captured {self.limit} of {self.total} bytes\n...\n{self.text()}"
        return self.text()


def as_text(data: bytes) -> str:
    """Bytes as UTF-8, each broken one as U+FFFD, as Go's JSON shows them."""
    # Python's "replace" makes one of all bytes of a character that is cut; people cut outputs with limits.
    return _STRAY_BYTE.sub("\ufffd", data.decode("utf-8", "surrogateescape"))
