"""The state machine behind the log: applies entries to the store, freezes it for snapshots, restores it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Final

from pyconsul.memdb import Store, Table
from pyconsul.primitives.durations import format_duration
from pyconsul.raft.consensus import UnappliableEntry
from pyconsul.server.fsm import opaque
from pyconsul.server.fsm.registry import LOG_HANDLERS
from pyconsul.server.fsm.timings import timing_of
from pyconsul.server.snapshot import FrozenState, Restoring
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.messages import IGNORE_UNKNOWN, MessageType
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.raft.consensus import Entry

log = logger("agent.fsm")

KNOWN_TYPES: Final = frozenset(int(m) for m in MessageType)


class UnknownEntryError(UnappliableEntry):
    """A log entry of a type that this version does not know and may not skip: the state would diverge."""


class Fsm:
    """Holds the current store; ``db`` is another object after a restore."""

    def __init__(self, tables: Iterable[Table[Any]], on_note: Callable[[object], None]) -> None:
        self._tables = (*tables, *opaque.TABLES)
        self._on_note = on_note
        self.db = Store(self._tables, on_note)
        self.on_restore: list[Callable[[Store], None]] = []

    def apply(self, index: int, entry: Entry) -> Any:
        """Apply one committed entry in one transaction.

        Returns the handler's answer, or the ConsulError it raised (the transaction is undone then).
        Raises UnknownEntryError for an entry that may not be skipped.
        """
        handler = LOG_HANDLERS.get(entry.type & ~IGNORE_UNKNOWN)
        if handler is None:
            if entry.type & IGNORE_UNKNOWN:
                log.warn("ignoring unknown message type, upgrade to newer version", type=entry.type)
                return None
            if entry.type not in KNOWN_TYPES:
                raise UnknownEntryError(f"failed to apply request: unknown message type {entry.type}")
            opaque.carry_entry(self.db, index, entry.data)
            return None
        db = self.db
        request = entry.request_as(handler.request)
        began = time.perf_counter()
        try:
            with db.transaction():
                return handler.apply(db, index, request)
        except ConsulError as error:
            return error
        finally:
            if (note := timing_of(entry.type & ~IGNORE_UNKNOWN, request)) is not None:
                note((time.perf_counter() - began) * 1000)

    def freeze(self) -> FrozenState:
        """The present state for a snapshot."""
        began = time.perf_counter_ns()
        frozen = FrozenState(self.db.snapshot())
        log.info("snapshot created", duration=format_duration(time.perf_counter_ns() - began))
        return frozen

    def restoring(self) -> Restoring:
        """An empty store to be filled with a snapshot's records; ``finish`` swaps it in.

        Until then it has nobody to leave notes to: what happens while it is filled happened long ago.
        """
        return Restoring(Store(self._tables), self._swap)

    def _swap(self, fresh: Store) -> Store:
        fresh.on_note = self._on_note
        old, self.db = self.db, fresh
        for tell in self.on_restore:
            tell(fresh)
        old.abandon()  # last: who is woken by it reads the new store
        return old
