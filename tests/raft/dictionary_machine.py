"""A state machine for tests of the voters: a dict of text, set by entries of type 2."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from pyconsul.raft.archive import ArchiveError
from pyconsul.raft.consensus import Entry
from pyconsul.raft.records import header, record
from pyconsul.structs import gomsgpack
from pyconsul.structs.errors import BadRequest

SET = 2


class Frozen:
    """A copy of the dict; ``private`` records are those of keys that begin with a dot."""

    def __init__(self, rows: dict[str, str]) -> None:
        self.rows = rows
        self.has_private = any(k.startswith(".") for k in rows)

    def records(self, *, private: bool) -> Iterator[bytes]:
        """One record a key."""
        yield header(1)
        for key, value in self.rows.items():
            if private or not key.startswith("."):
                yield record(SET, [key, value])


class Filling:
    """A dict that replaces the machine's."""

    def __init__(self, machine: Dictionary) -> None:
        self.machine = machine
        self.rows: dict[str, str] = {}

    def load(self, number: int, data: bytes) -> None:
        """Take one pair."""
        if number != SET:
            raise ArchiveError(f"no record type {number}")
        key, value = gomsgpack.decode(data, list[str])
        self.rows[key] = value

    def finish(self) -> None:
        """Swap."""
        self.machine.rows = self.rows


class Dictionary:
    """Sets keys; the answer is the value that was there. The value "refuse" is refused."""

    def __init__(self) -> None:
        self.rows: dict[str, str] = {}
        self.applied: list[int] = []

    def apply(self, index: int, entry: Entry) -> Any:
        """Set one key."""
        self.applied.append(index)
        key, value = entry.request_as(list[str])
        if value == "refuse":
            return BadRequest("refused")
        old = self.rows.get(key)
        self.rows[key] = value
        return old

    def freeze(self) -> Frozen:
        """A copy."""
        return Frozen(dict(self.rows))

    def restoring(self) -> Filling:
        """An empty one."""
        return Filling(self)


def a_state(**rows: str) -> io.BytesIO:
    """A state.bin with these pairs."""
    return io.BytesIO(b"".join(Frozen(rows).records(private=True)))
