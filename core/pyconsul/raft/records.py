"""The state inside a snapshot (state.bin, ``wire/fsm.md`` section 3): a header, then type bytes and msgpack values.

Records are cut apart without being decoded, so that what nobody here understands is carried byte for byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any, Final, NamedTuple

import msgpack
import msgspec

from pyconsul.primitives.untyped import is_dict
from pyconsul.raft.archive import ArchiveError
from pyconsul.structs import gomsgpack
from pyconsul.structs.messages import MessageType

_CHUNK: Final = 1024 * 1024


class Record(NamedTuple):
    """One record: its type, and its value as msgpack bytes."""

    number: int
    data: bytes


def header(last_index: int) -> bytes:
    """The bytes that a state begins with."""
    return gomsgpack.pack({"LastIndex": last_index})


def record(number: int, value: object) -> bytes:
    """One record of a struct."""
    return bytes((number,)) + gomsgpack.encode(value)


def _broken(number: int, reason: str) -> ArchiveError:
    return ArchiveError(f"failed to decode msg type {record_name(number)}, error {reason}")


class StateReader:
    """Walks over a state; ``last_index`` is the header's. Raises ArchiveError where it is cut or no msgpack."""

    def __init__(self, state: IO[bytes]) -> None:
        self._state = state
        self._data = b""
        self._offset = 0
        fields = self._decode(self._first_value())
        self.header_bytes = self._offset
        self.last_index = self._index_of(fields)

    def __iter__(self) -> Iterator[Record]:
        """The records in their order."""
        while True:
            unpacker = self._unpacker()
            data, start = self._data, self._offset
            try:
                while True:
                    number = unpacker.read_bytes(1)
                    if not number:
                        break
                    unpacker.skip()
                    end = start + unpacker.tell()
                    begin, self._offset = self._offset, end
                    yield Record(number[0], data[begin + 1 : end])
            except msgpack.OutOfData:
                pass
            except (ValueError, msgpack.UnpackException) as e:
                raise _broken(data[self._offset], str(e) or type(e).__name__) from e
            if not self._refill():
                break
        if rest := self._data:
            raise _broken(rest[0], "unexpected EOF" if len(rest) > 1 else "EOF")

    def _unpacker(self) -> Any:
        # Without a limit of its own: how much is fed is bounded in `_refill`, and a record may be as large as it likes.
        unpacker = msgpack.Unpacker(raw=True, strict_map_key=False, max_buffer_size=0)
        unpacker.feed(memoryview(self._data)[self._offset :])
        return unpacker

    def _refill(self) -> bool:
        """Read on; twice as much as is left over, so that a huge record costs no more than twice its size."""
        rest = self._data[self._offset :]
        more = self._state.read(max(_CHUNK, len(rest)))
        self._data, self._offset = rest + more, 0
        return bool(more)

    def _first_value(self) -> bytes:
        while True:
            try:
                unpacker = self._unpacker()
                unpacker.skip()
                self._offset = unpacker.tell()
                return self._data[: self._offset]
            except msgpack.OutOfData:
                if not self._refill():
                    raise ArchiveError("failed to read snapshot header: EOF") from None
            except (ValueError, msgpack.UnpackException) as e:
                raise ArchiveError(f"failed to read snapshot header: {e}") from e

    @staticmethod
    def _decode(data: bytes) -> object:
        try:
            return gomsgpack.unpack(data)
        except gomsgpack.DecodeError as e:
            raise ArchiveError(f"failed to read snapshot header: {e}") from e

    @staticmethod
    def _index_of(fields: object) -> int:
        if not is_dict(fields):
            raise ArchiveError("failed to read snapshot header: not a map")
        value = fields.get("LastIndex")
        return value if isinstance(value, int) else 0


# How Consul's own tools call the record types (what ``snapshot inspect`` prints).
RECORD_NAMES: Final[dict[int, str]] = {
    MessageType.REGISTER: "Register",
    MessageType.DEREGISTER: "Deregister",
    MessageType.KVS: "KVS",
    MessageType.SESSION: "Session",
    MessageType.LEGACY_ACL: "ACL",
    MessageType.TOMBSTONE: "Tombstone",
    MessageType.COORDINATE_BATCH_UPDATE: "CoordinateBatchUpdate",
    MessageType.PREPARED_QUERY: "PreparedQuery",
    MessageType.TXN: "Txn",
    MessageType.AUTOPILOT: "Autopilot",
    MessageType.AREA: "Area",
    MessageType.ACL_BOOTSTRAP: "ACLBootstrap",
    MessageType.INTENTION: "Intention",
    MessageType.CONNECT_CA: "ConnectCA",
    MessageType.CONNECT_CA_PROVIDER_STATE: "ConnectCAProviderState",
    MessageType.CONNECT_CA_CONFIG: "ConnectCAConfig",
    MessageType.INDEX: "Index",
    MessageType.ACL_TOKEN_SET: "ACLToken",
    MessageType.ACL_TOKEN_DELETE: "ACLTokenDelete",
    MessageType.ACL_POLICY_SET: "ACLPolicy",
    MessageType.ACL_POLICY_DELETE: "ACLPolicyDelete",
    MessageType.CONNECT_CA_LEAF: "ConnectCALeaf",
    MessageType.CONFIG_ENTRY: "ConfigEntry",
    MessageType.ACL_ROLE_SET: "ACLRole",
    MessageType.ACL_ROLE_DELETE: "ACLRoleDelete",
    MessageType.ACL_BINDING_RULE_SET: "ACLBindingRule",
    MessageType.ACL_BINDING_RULE_DELETE: "ACLBindingRuleDelete",
    MessageType.ACL_AUTH_METHOD_SET: "ACLAuthMethod",
    MessageType.ACL_AUTH_METHOD_DELETE: "ACLAuthMethodDelete",
    MessageType.CHUNKING_STATE: "ChunkingState",
    MessageType.FEDERATION_STATE: "FederationState",
    MessageType.SYSTEM_METADATA: "SystemMetadata",
    MessageType.SERVICE_VIRTUAL_IP: "ServiceVirtualIP",
    MessageType.FREE_VIRTUAL_IP: "FreeVirtualIP",
    MessageType.KIND_SERVICE_NAMES: "KindServiceName",
    MessageType.PEERING_WRITE: "Peering",
    MessageType.PEERING_DELETE: "PeeringDelete",
    MessageType.PEERING_TRUST_BUNDLE_WRITE: "PeeringTrustBundle",
    MessageType.PEERING_TRUST_BUNDLE_DELETE: "PeeringTrustBundleDelete",
    MessageType.PEERING_SECRETS_WRITE: "PeeringSecret",
    MessageType.RAFT_LOG_VERIFIER_CHECKPOINT: "RaftLogVerifierCheckpoint",
    MessageType.RESOURCE_OPERATION: "Resource",
    MessageType.UPDATE_VIRTUAL_IP: "UpdateManualVirtualIPRequestType",
}


def record_name(number: int) -> str:
    """The name that ``snapshot inspect`` gives a record type."""
    return RECORD_NAMES.get(number, f"Unknown({number})")


class Count(msgspec.Struct):
    """How many records of a kind there are, and how many bytes of the state they take."""

    name: str
    count: int = 0
    size_bytes: int = 0


class Statistics(msgspec.Struct):
    """What ``snapshot inspect`` shows: counts by record type, and by key prefix where that was asked for."""

    by_type: dict[str, Count] = msgspec.field(default_factory=dict[str, Count])
    by_prefix: dict[str, Count] = msgspec.field(default_factory=dict[str, Count])
    total_bytes: int = 0
    total_kv_bytes: int = 0


def statistics(state: IO[bytes], *, kv_depth: int | None = None, kv_filter: str = "") -> Statistics:
    """Count a state's records. ``kv_depth`` groups KV records by that many path parts, of keys below ``kv_filter``.

    As with Consul's own tool, the header counts for the first record. Each order is by size, then by name.
    """
    reader = StateReader(state)
    found = Statistics()
    extra = reader.header_bytes
    for number, data in reader:
        size = 1 + len(data) + extra
        extra = 0
        found.total_bytes += size
        _add(found.by_type, record_name(number), size)
        if number == MessageType.KVS and kv_depth is not None:
            _count_key(found, data, size, kv_depth, kv_filter)
    found.by_type = _ordered(found.by_type)
    found.by_prefix = _ordered(found.by_prefix)
    return found


def _count_key(found: Statistics, data: bytes, size: int, depth: int, prefix: str) -> None:
    key = str(gomsgpack.unpack(data).get("Key") or "")
    if key.startswith(prefix):
        _add(found.by_prefix, "/".join(key.split("/")[:depth]), size)
        found.total_kv_bytes += size


def _add(counts: dict[str, Count], name: str, size: int) -> None:
    entry = counts.setdefault(name, Count(name))
    entry.count += 1
    entry.size_bytes += size


def _ordered(counts: dict[str, Count]) -> dict[str, Count]:
    return {c.name: c for c in sorted(counts.values(), key=lambda c: (-c.size_bytes, c.name))}
