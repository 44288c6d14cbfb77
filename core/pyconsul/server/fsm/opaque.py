"""What this version has no family for, kept byte for byte: snapshot records, and log entries.

A record goes back into the next snapshot where Consul's order has its type. A log entry that nobody can apply has no
place in Consul's snapshot format; it is carried as a private record in the snapshots on this server's own disk, and
applied by the first version that knows its type.
"""

from collections.abc import Iterator
from typing import Any, Final

from pyconsul.memdb import FrozenStore, Index, Store, Table
from pyconsul.structs import gomsgpack
from pyconsul.structs.wire import WireStruct

CARRIED_ENTRY: Final = 255  # record type of a carried log entry; never leaves this server


class OpaqueRecord(WireStruct, frozen=True, kw_only=True):
    """One snapshot record as it was read; ``Position`` keeps the order among those of its type."""

    Number: int
    Position: int
    Data: bytes


class CarriedEntry(WireStruct, frozen=True, kw_only=True):
    """One log entry, type byte included, that waits for somebody who knows it."""

    Index: int = 0
    Data: bytes = b""


OPAQUE: Table[OpaqueRecord] = Table(
    name="opaque-records",
    primary=lambda r: (r.Number, r.Position),
    indexes={"number": Index(lambda r: (r.Number,))},
)
CARRIED: Table[CarriedEntry] = Table(name="carried-entries", primary=lambda e: e.Index)


def keep_record(db: Store, number: int, data: bytes) -> None:
    """Keep a record behind those of its type."""
    position = db.count_where(OPAQUE, "number", number)
    db.put(OPAQUE, OpaqueRecord(Number=number, Position=position, Data=data))


def records_by_number(frozen: FrozenStore) -> dict[int, list[bytes]]:
    """All kept records by type, in the order in which they came."""
    found: dict[int, list[bytes]] = {}
    for row in frozen.all(OPAQUE):
        found.setdefault(row.Number, []).append(row.Data)
    return found


def carry_entry(db: Store, index: int, data: bytes) -> None:
    """Keep a log entry; its proposer gets no answer, like one whose change nobody can see yet."""
    db.put(CARRIED, CarriedEntry(Index=index, Data=data))


def carried_records(frozen: FrozenStore) -> Iterator[bytes]:
    """The private records of all carried entries, oldest first."""
    for entry in frozen.all(CARRIED):
        yield bytes((CARRIED_ENTRY,)) + gomsgpack.encode(entry)


def carried_entry(data: bytes) -> CarriedEntry:
    """Read a private record. Raises gomsgpack.DecodeError."""
    return gomsgpack.decode(data, CarriedEntry)


TABLES: Final[tuple[Table[Any], ...]] = (OPAQUE, CARRIED)
