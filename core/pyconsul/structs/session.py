"""Sessions and what is asked of them."""

from typing import Any, ClassVar, TypeAlias

from pyconsul.structs.wire import UNSET, Indexed, ReadRequest, UnsetType, WireStruct, WriteRequest


class ServiceCheck(WireStruct, frozen=True, kw_only=True):
    """A check of a service that a session depends on."""

    ID: str = ""
    Namespace: str = ""


class Session(WireStruct, frozen=True, kw_only=True):
    """One session. ``LockDelay`` is nanoseconds, ``TTL`` Go duration text, ``Behavior`` release or delete."""

    go_type: ClassVar[str] = "struct { LockDelay interface {}; *structs.Alias }"
    go_embedded: ClassVar[str] = "Alias"
    go_beside: ClassVar[dict[str, Any]] = {"LockDelay": Any}
    go_field_types: ClassVar[dict[str, str]] = {"Behavior": "structs.SessionBehavior", "Checks": "[]types.CheckID"}

    ID: str = ""
    Name: str = ""
    Node: str = ""
    LockDelay: int = 0
    Behavior: str = ""
    TTL: str = ""
    NodeChecks: list[str] | None = None
    ServiceChecks: list[ServiceCheck] | None = None
    Checks: list[str] | UnsetType | None = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0


_Session: TypeAlias = Session  # the field of that name below hides the class


class SessionRequest(WriteRequest, frozen=True, kw_only=True):
    """``Op``: create or destroy."""

    Op: str = ""
    Session: _Session = _Session()


class SessionSpecificRequest(ReadRequest, frozen=True, kw_only=True):
    """A read or renewal of one session."""

    SessionID: str = ""
    Session: str = ""


class NodeSpecificSessions(ReadRequest, frozen=True, kw_only=True):
    """A read of the sessions of one node."""

    Node: str = ""


class IndexedSessions(Indexed, frozen=True, kw_only=True):
    """Sessions, oldest first."""

    Sessions: list[Session] | None = None
