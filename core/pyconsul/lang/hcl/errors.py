"""The error of the HCL reader, and how offsets become line and column."""

from __future__ import annotations


class HclError(ValueError):
    """A document that is not HCL, in the words of HashiCorp's library.

    ``line`` and ``column`` count from 1 (characters, not bytes); both are 0 where the place is not known.
    """

    def __init__(self, text: str, line: int = 0, column: int = 0) -> None:
        super().__init__(text)
        self.line = line
        self.column = column


def position(source: str, at: int) -> tuple[int, int]:
    """Line and column of an offset. Offsets behind the end count on in the last line, (0, 0) is no place."""
    if at < 0:
        return 0, 0
    end = min(at, len(source))
    return source.count("\n", 0, end) + 1, at - source.rfind("\n", 0, end)


def place(source: str, at: int) -> str:
    """``line:column`` of an offset, ``-`` when there is none."""
    line, column = position(source, at)
    return f"{line}:{column}" if line else "-"


def error_at(source: str, at: int, message: str) -> HclError:
    """The error ``At line:column: message``."""
    return HclError(f"At {place(source, at)}: {message}", *position(source, at))
