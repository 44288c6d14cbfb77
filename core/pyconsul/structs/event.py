"""User events as the HTTP API shows them and as gossip carries them."""

from __future__ import annotations

from pyconsul.structs.wire import ReadRequest, WireStruct


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


class EventFireRequest(ReadRequest, frozen=True, kw_only=True):
    """Spread an event; ``Payload`` is the encoded UserEvent (``wire/gossip.md`` section 8)."""

    Name: str = ""
    Payload: bytes = b""
