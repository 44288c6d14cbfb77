"""User events as the HTTP API shows them and as gossip carries them."""

from __future__ import annotations

from pyconsul.structs.wire import WireStruct


class UserEvent(WireStruct, frozen=True, kw_only=True):
    """One event. Filters are regular expressions; empty ones let everything through."""

    ID: str = ""
    Name: str = ""
    Payload: bytes | None = None
    NodeFilter: str = ""
    ServiceFilter: str = ""
    TagFilter: str = ""
    Version: int = 0
    LTime: int = 0
