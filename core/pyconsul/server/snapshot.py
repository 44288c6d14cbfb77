"""The state as snapshot records and back: Consul's order of record types, and what goes with each.

Families register their types in ``fsm/registry``; all other types are carried through by ``fsm/opaque``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Final

from pyconsul.memdb import FrozenStore, Store
from pyconsul.raft import records
from pyconsul.raft.archive import ArchiveError
from pyconsul.server.fsm import opaque
from pyconsul.server.fsm.registry import LOG_HANDLERS, RECORD_KINDS
from pyconsul.server.state.indexes import INDEXES
from pyconsul.structs import gomsgpack
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.messages import IGNORE_UNKNOWN, MessageType

# The order in which a real server writes the types (``wire/fsm.md`` section 3). Loading needs it too: a service
# must find its node, a session its node and checks, the index table comes after everything that raises indexes.
ORDER: Final = (32, 33, 0, 6, 3, 17, 19, 23, 25, 27, 2, 5, 7, 9, 12, 13, 14, 15, 22, 30, 31, 16, 35, 38, 40, 42, 29)

# Consul's table names (its memdb schema): of the keys in the index table only these count for the header.
TABLE_NAMES: Final = frozenset(
    {
        "acl-auth-methods",
        "acl-binding-rules",
        "acl-policies",
        "acl-roles",
        "acl-tokens",
        "autopilot-config",
        "checks",
        "config-entries",
        "connect-ca-builtin",
        "connect-ca-config",
        "connect-ca-roots",
        "connect-intentions",
        "coordinates",
        "federation-states",
        "free-virtual-ips",
        "gateway-services",
        "index",
        "kind-service-names",
        "kvs",
        "mesh-topology",
        "nodes",
        "peering",
        "peering-secret-uuids",
        "peering-secrets",
        "peering-trust-bundles",
        "prepared-queries",
        "service-virtual-ips",
        "services",
        "session_checks",
        "sessions",
        "system-metadata",
        "tombstones",
        "usage",
    }
)
_COMMIT_AFTER: Final = 500  # records
_IDLE_CHUNKING: Final = gomsgpack.pack({"ChunkMap": {}})


class FrozenState:
    """A store at one moment, as the bytes of state.bin."""

    def __init__(self, store: FrozenStore) -> None:
        self._store = store
        self.has_private = store.count(opaque.CARRIED) > 0

    def last_index(self) -> int:
        """The newest index of any table, for the header."""
        return max((e.Value for e in self._store.all(INDEXES) if e.Key in TABLE_NAMES), default=0)

    def records(self, *, private: bool) -> Iterator[bytes]:
        """Header and records in Consul's order; with ``private`` also what only this server's disk may hold."""
        kept = opaque.records_by_number(self._store)
        kept.setdefault(MessageType.CHUNKING_STATE, [_IDLE_CHUNKING])
        yield records.header(self.last_index())
        for number in (*ORDER, *sorted(kept.keys() - set(ORDER))):
            kind = RECORD_KINDS.get(number)
            if kind is not None:
                mark, encode = bytes((number,)), None  # as `records.record`, with the encoder looked up once
                for row in kind.rows(self._store):
                    # Making an encoder takes a millisecond or two: most tables are empty and need none.
                    encode = encode or gomsgpack.encoder(kind.row)
                    yield mark + encode(row)
            else:
                for data in kept.get(number, ()):
                    yield bytes((number,)) + data
        if private:
            yield from opaque.carried_records(self._store)


class Restoring:
    """A store that is being filled; ``adopt`` takes it when it is complete and gives the one that it replaces."""

    def __init__(self, store: Store, adopt: Callable[[Store], Store]) -> None:
        self._store = store
        self._adopt = adopt
        self._loaders: dict[int, Callable[[bytes], None]] = {}
        self._transaction = ExitStack()
        self._left = 0

    def load(self, number: int, data: bytes) -> None:
        """Put one record in. Raises ArchiveError for one that cannot be read or does not fit the others."""
        if self._left == 0:
            self._begin()
        self._left -= 1
        loader = self._loaders.get(number)
        if loader is None:
            loader = self._loaders[number] = self._loader_of(number)
        try:
            loader(data)
        except (gomsgpack.DecodeError, ConsulError) as e:
            raise ArchiveError(f"failed to decode record of type {records.record_name(number)}: {e}") from e

    def finish(self) -> Iterator[None]:
        """Hand the store over; what is returned takes the old one apart."""
        self._transaction.close()
        return self._adopt(self._store).dismantle()

    def _begin(self) -> None:
        """Commit what is loaded; a transaction of its own for each record would cost a third more."""
        self._transaction.close()
        self._transaction.enter_context(self._store.transaction())
        self._left = _COMMIT_AFTER

    def _loader_of(self, number: int) -> Callable[[bytes], None]:
        """The function that takes a record of this type."""
        kind = RECORD_KINDS.get(number)
        store = self._store
        if kind is not None:
            load, decode = kind.load, gomsgpack.decoder(kind.read)
            return lambda data: load(store, decode(data))
        if number == opaque.CARRIED_ENTRY:
            return lambda data: self._load_carried(opaque.carried_entry(data))
        return lambda data: opaque.keep_record(store, number, data)

    def _load_carried(self, entry: opaque.CarriedEntry) -> None:
        """Apply what waited for this version, or let it wait on."""
        if not entry.Data:
            raise gomsgpack.DecodeError("carried log entry without a type byte")
        handler = LOG_HANDLERS.get(entry.Data[0] & ~IGNORE_UNKNOWN)
        if handler is None:
            opaque.carry_entry(self._store, entry.Index, entry.Data)
        else:
            handler.apply(self._store, entry.Index, gomsgpack.decode(entry.Data[1:], handler.request))
