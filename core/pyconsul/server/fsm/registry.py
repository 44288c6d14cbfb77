"""Tables of the FSM: log entry type → handler, and snapshot record type → how rows are dumped and loaded.

Family modules fill them with ``@applies`` and ``@snapshot_records`` when imported (``pyconsul.server.families``).
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.timings import declare_for

Req = TypeVar("Req")
Row = TypeVar("Row")
Apply = Callable[[Store, int, Any], Any]


class LogHandler(msgspec.Struct, frozen=True):
    """How one type of log entry is applied; ``request`` is the struct its payload decodes to."""

    request: Any
    apply: Apply


class RecordKind(msgspec.Struct, frozen=True):
    """How one type of snapshot record comes out of a frozen store and into a fresh one.

    ``row`` is the struct that is written, ``read`` the one that records of this and of older servers decode to.
    """

    number: int
    row: Any
    read: Any
    rows: Callable[[FrozenStore], Iterable[Any]]
    load: Callable[[Store, Any], None]


LOG_HANDLERS: dict[int, LogHandler] = {}
RECORD_KINDS: dict[int, RecordKind] = {}


def applies(
    number: int, request: type[Req]
) -> Callable[[Callable[[Store, int, Req], Any]], Callable[[Store, int, Req], Any]]:
    """Register the handler of a log entry type; it runs inside one transaction, an exception undoes it.

    The handler's return value is the proposer's answer; a ConsulError it raises becomes the proposer's.
    """

    def register(function: Callable[[Store, int, Req], Any]) -> Callable[[Store, int, Req], Any]:
        if number in LOG_HANDLERS:
            raise ValueError(f"two handlers for log entries of type {number}")
        LOG_HANDLERS[number] = LogHandler(request, function)
        declare_for(number)
        return function

    return register


def snapshot_records(
    number: int, row: type[Row], *, load: Callable[[Store, Any], None], read: type[object] | None = None
) -> Callable[[Callable[[FrozenStore], Iterable[Row]]], Callable[[FrozenStore], Iterable[Row]]]:
    """Register how records of one type are made (the decorated function) and loaded (``load``).

    ``read`` is what ``load`` takes, where that is not ``row``: older servers may have written something else.
    """

    def register(
        rows: Callable[[FrozenStore], Iterable[Row]],
    ) -> Callable[[FrozenStore], Iterable[Row]]:
        if number in RECORD_KINDS:
            raise ValueError(f"two dumpers of snapshot records of type {number}")
        RECORD_KINDS[number] = RecordKind(number, row, read or row, rows, load)
        return rows

    return register
