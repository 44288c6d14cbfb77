"""User events: ``/v1/event``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pyconsul.sdk.decode import json_of
from pyconsul.sdk.request import QueryOptions, Request, escape_path, params_of, value_bytes
from pyconsul.sdk.results import (
    UserEvent,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

EventList: TypeAlias = list[UserEvent]


def fire_request(
    name: str, payload: bytes | str = b"", *, node: str = "", service: str = "", tag: str = ""
) -> Request[UserEvent]:
    """Send an event through the gossip pool; the three filters are regular expressions. Its ID is in the answer."""
    return Request(
        "PUT",
        f"/v1/event/fire/{escape_path(name)}",
        json_of(UserEvent),
        params=params_of(("node", node), ("service", service), ("tag", tag)),
        headers=(("Content-Type", "application/octet-stream"),),
        body=value_bytes(payload),
    )


def list_request(name: str = "") -> Request[EventList]:
    """The last events (up to 256), oldest first."""
    return Request("GET", "/v1/event/list", json_of(list[UserEvent]), params=params_of(("name", name)))


def index_of(event_id: str) -> int:
    """The index that a blocking query has after this event: the two halves of its UUID, XORed.

    Raises ValueError for what is no UUID.
    """
    digits = event_id.replace("-", "")
    if len(event_id) != 36 or len(digits) != 32:
        raise ValueError(f"not a UUID: {event_id!r}")
    return int(digits[:16], 16) ^ int(digits[16:], 16)


class Events:
    """User events."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def fire(
        self,
        name: str,
        payload: bytes | str = b"",
        options: QueryOptions | None = None,
        *,
        node: str = "",
        service: str = "",
        tag: str = "",
    ) -> UserEvent:
        """Send an event through the gossip pool; the three filters are regular expressions. Its ID is in the answer."""
        return await self._client.call(fire_request(name, payload, node=node, service=service, tag=tag), options)

    async def list(self, name: str = "", options: QueryOptions | None = None) -> EventList:
        """The last events (up to 256), oldest first."""
        return await self._client.call(list_request(name), options)
