"""The seam between the server and whatever agrees on the log: one voter today, a cluster behind the same names.

The server proposes log entries and gets the state machine's answer back once the entry is committed; it never
sees terms, files or peers. Knows of Consul only that an entry begins with its type byte (``wire/fsm.md`` section 1).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import IO, Any, Final, Protocol, TypeVar

import msgspec

from pyconsul.raft.archive import Meta, Server
from pyconsul.structs import gomsgpack
from pyconsul.structs.errors import InternalError

T = TypeVar("T")
_MISSING: Final = object()


class ShuttingDown(InternalError):
    """The voter takes no more proposals."""

    default_text = "raft is already shutdown"
    retry_on_other_server = True


class UnappliableEntry(Exception):
    """The state machine must not go past this entry: it does not know what it means, and may not skip it."""


class Entry:
    """One command of the log: a type byte and a request, as a struct or as bytes, each made from the other on demand.

    A voter in memory never encodes, a replay decodes only what the state machine asks for.
    """

    __slots__ = ("_data", "_request", "type")

    def __init__(self, type: int, request: object = _MISSING, data: bytes | None = None) -> None:
        self.type = type
        self._request = request
        self._data = data

    @classmethod
    def from_data(cls, data: bytes) -> Entry:
        """An entry as the log holds it. Raises UnappliableEntry for one without a type byte."""
        if not data:
            raise UnappliableEntry("log entry without a type byte")
        return cls(data[0], data=data)

    @property
    def data(self) -> bytes:
        """Type byte and encoded request; a request given as bytes (protobuf) stands as it is."""
        if self._data is None:
            request = self._request
            payload = request if isinstance(request, bytes) else gomsgpack.encode(request)
            self._data = bytes((self.type,)) + payload
        return self._data

    def request_as(self, declared: type[T]) -> T:
        """The request; decoded when the entry came as bytes. Raises gomsgpack.DecodeError."""
        if self._request is _MISSING:
            self._request = gomsgpack.decode(memoryview(self.data)[1:], declared)
        return self._request  # pyright: ignore[reportReturnType] -- the proposer's own struct, or decoded above


class FrozenState(Protocol):
    """A state that no later entry changes. ``has_private``: it holds something that must not leave this server."""

    @property
    def has_private(self) -> bool:
        """Whether ``records(private=True)`` gives more than ``records(private=False)``."""
        ...

    def records(self, *, private: bool) -> Iterator[bytes]:
        """The whole of state.bin (``wire/fsm.md`` section 3) in small pieces: header first, then the records."""
        ...


class Restoring(Protocol):
    """A new state that is being filled; the old one serves until `finish`."""

    def load(self, number: int, data: bytes) -> None:
        """Take one record: its type and its msgpack value. Raises for one that cannot be read."""
        ...

    def finish(self) -> Iterator[object]:
        """Put the new state in the old one's place and wake everyone who watches the old one.

        That has happened when this returns; the iterator frees the old state, a little with each step.
        """
        ...


class StateMachine(Protocol):
    """What the log drives. All of it runs on the event loop."""

    def apply(self, index: int, entry: Entry) -> Any:
        """Apply one committed entry; returns the proposer's answer, an exception instance to raise it there.

        An exception that it raises is the proposer's, too; the state must be as before then, so that a replay, where it
        raises again, comes out the same. UnappliableEntry stops a replay.
        """
        ...

    def freeze(self) -> FrozenState:
        """The present state, cheaply."""
        ...

    def restoring(self) -> Restoring:
        """An empty state to be filled from a snapshot."""
        ...


class Configuration(msgspec.Struct, frozen=True):
    """The set of servers, and the index of the log entry that set it."""

    servers: tuple[Server, ...]
    index: int


class Snapshot(msgspec.Struct):
    """An archive ready to be sent: ``file`` is rewound; whoever asked closes it."""

    meta: Meta
    file: IO[bytes]

    def close(self) -> None:
        """Give the file back."""
        self.file.close()


class SnapshotRules(msgspec.Struct, frozen=True):
    """When a log is cut short by itself, and how many entries it keeps (Consul's ``raft_…`` settings)."""

    interval: float = 30.0  # seconds between two looks, at least
    threshold: int = 16384  # entries since the last snapshot
    trailing_logs: int = 10240  # entries that stay behind it


class Consensus(Protocol):
    """One log, agreed on. Indexes and terms are Raft's; all methods belong to the event loop."""

    @property
    def term(self) -> int:
        """The current term."""
        ...

    @property
    def last_index(self) -> int:
        """Index of the newest entry of the log, committed or not."""
        ...

    @property
    def applied_index(self) -> int:
        """Index of the newest entry that the state machine has seen."""
        ...

    @property
    def is_leader(self) -> bool:
        """Whether proposals are accepted here."""
        ...

    @property
    def known_leader(self) -> bool:
        """Whether somebody leads."""
        ...

    async def start(self) -> None:
        """Load what is on disk, replay it, become leader. Raises LogError for a log that must not be used."""
        ...

    async def stop(self) -> None:
        """Finish what is being written; later proposals raise ShuttingDown."""
        ...

    async def propose(self, type: int, request: object) -> Any:
        """Append an entry and return the state machine's answer once it is committed; raises that if it is an error."""
        ...

    def propose_soon(self, type: int, request: object) -> asyncio.Future[Any]:
        """As `propose`, without waiting: all proposals of one loop turn share one write to disk."""
        ...

    async def verify(self) -> None:
        """Make sure that this server still leads, for consistent reads. Raises if it does not."""
        ...

    def configure_snapshots(self, rules: SnapshotRules) -> None:
        """Cut the log short by these rules from now on."""
        ...

    async def barrier(self) -> int:
        """Wait until everything proposed so far is applied; returns the index of the barrier."""
        ...

    def stats(self) -> dict[str, str]:
        """The raft section of ``consul info``."""
        ...

    def configuration(self) -> Configuration:
        """The servers that take part."""
        ...

    async def snapshot(self) -> Snapshot:
        """Save the state as an archive."""
        ...

    async def restore(self, source: IO[bytes]) -> None:
        """Replace the state by an archive's. Raises ArchiveError and leaves everything as it was if it is no good.

        It goes on to its end when the caller is cancelled.
        """
        ...
