"""What all wire types share: the base class, markers for Go's odd spots, parts of every request.

One struct is the JSON of the HTTP API, the msgpack of RPC, log and snapshots (``gomsgpack``), and the row in memory.
"""

from typing import Annotated, Any, ClassVar, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

__all__ = [
    "BACKEND_BLOCKING",
    "BACKEND_STREAMING",
    "UNSET",
    "ZERO_TIME",
    "GoDuration",
    "GoTime",
    "Indexed",
    "OmitBool",
    "OmitInt",
    "OmitStr",
    "RaftIndexed",
    "ReadRequest",
    "UnsetType",
    "WireStruct",
    "WriteRequest",
    "changed",
    "omit",
]

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)

# A Go field marked ``omitempty``: left out of JSON while unset, its zero value in Go's msgpack.
OmitStr: TypeAlias = str | UnsetType
OmitInt: TypeAlias = int | UnsetType
OmitBool: TypeAlias = bool | UnsetType

# RFC 3339 text with nanoseconds, as Go prints times; 15 raw bytes in msgpack (wire README, "Codec").
GoTime: TypeAlias = Annotated[str, Meta(extra={"go": "time"})]
ZERO_TIME = "0001-01-01T00:00:00Z"

# structs.QueryBackend: how a read was answered, shown as X-Consul-Query-Backend.
BACKEND_BLOCKING = 0
BACKEND_STREAMING = 1

# Go duration text such as "1m0s" in JSON, where a Go type marshals itself so; nanoseconds in msgpack.
GoDuration: TypeAlias = Annotated[str, Meta(extra={"go": "duration"})]


class WireStruct(msgspec.Struct, frozen=True, gc=False):
    """Base of all wire types. It declares no fields: a base's fields would be encoded first.

    No garbage collector looks at rows (``gc=False``): they form no cycles, and there may be a million of them.
    ``go_names`` maps a JSON field name to the Go field name where the two differ; msgpack uses Go's.
    """

    go_names: ClassVar[dict[str, str]] = {}


class RaftIndexed(WireStruct, frozen=True, kw_only=True):
    """Mixin for types whose first JSON fields are the two Raft indexes."""

    CreateIndex: int = 0
    ModifyIndex: int = 0


class ReadRequest(WireStruct, frozen=True, kw_only=True):
    """Query options that every read carries (``structs.QueryOptions``); durations are nanoseconds."""

    Datacenter: str = ""
    Token: str = ""
    MinQueryIndex: int = 0
    MaxQueryTime: int = 0
    AllowStale: bool = False
    RequireConsistent: bool = False
    UseCache: bool = False
    MaxStaleDuration: int = 0
    MaxAge: int = 0
    MustRevalidate: bool = False
    StaleIfError: int = 0
    Filter: str = ""
    AllowNotModifiedResponse: bool = False


class WriteRequest(WireStruct, frozen=True, kw_only=True):
    """What every write carries."""

    Datacenter: str = ""
    Token: str = ""


class Indexed(WireStruct, frozen=True, kw_only=True):
    """Query meta that every read reply carries (``structs.QueryMeta``); ``LastContact`` is nanoseconds."""

    Index: int = 0
    LastContact: int = 0
    KnownLeader: bool = True
    ConsistencyLevel: str = ""
    NotModified: bool = False
    Backend: int = 0
    ResultsFilteredByACLs: bool = False


def omit(value: T) -> T | UnsetType:
    """``value``, or UNSET where it is Go's zero value: for fields marked ``omitempty``."""
    return value if value else UNSET


def changed(row: S, **fields: Any) -> S:
    """A copy of a frozen row with some fields replaced."""
    return msgspec.structs.replace(row, **fields)
