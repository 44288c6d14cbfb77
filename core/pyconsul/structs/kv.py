"""Key/value pairs and what is asked of them."""

from pyconsul.structs.wire import UNSET, Indexed, OmitStr, ReadRequest, WireStruct, WriteRequest


class DirEntry(WireStruct, frozen=True, kw_only=True):
    """One KV pair; fields stand in the order in which the HTTP API prints them.

    ``Value`` is raw bytes: base64 text in JSON, a binary string in msgpack, null when empty.
    ``LockIndex`` counts acquisitions; ``CreateIndex`` and ``ModifyIndex`` are Raft indexes.
    """

    LockIndex: int = 0
    Key: str = ""
    Flags: int = 0
    Value: bytes | None = None
    Session: OmitStr = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0


class KVSRequest(WriteRequest, frozen=True, kw_only=True):
    """One write. ``Op``: set, delete, delete-cas, delete-tree, cas, lock, unlock."""

    Op: str = ""
    DirEnt: DirEntry = DirEntry()


class KeyRequest(ReadRequest, frozen=True, kw_only=True):
    """A read of one key, or of all below a prefix."""

    Key: str = ""


class KeyListRequest(ReadRequest, frozen=True, kw_only=True):
    """The names below ``Prefix``, cut after ``Seperator`` (Consul's spelling)."""

    Prefix: str = ""
    Seperator: str = ""


class IndexedDirEntries(Indexed, frozen=True, kw_only=True):
    """Entries in key order; null when there are none."""

    Entries: list[DirEntry] | None = None


class IndexedKeyList(Indexed, frozen=True, kw_only=True):
    """Key names in order."""

    Keys: list[str] | None = None


class TombstoneRequest(WriteRequest, frozen=True, kw_only=True):
    """``Op`` is "reap": drop all tombstones up to ``ReapIndex``."""

    Op: str = ""
    ReapIndex: int = 0
