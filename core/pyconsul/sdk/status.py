"""The state of the Raft cluster in two words: ``/v1/status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from pyconsul.sdk.decode import json_of
from pyconsul.sdk.request import QueryOptions, Request

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

Peers: TypeAlias = list[str]


def leader_request() -> Request[str]:
    """The Raft address of the leader, an empty text when there is none."""
    return Request("GET", "/v1/status/leader", json_of(str))


def peers_request() -> Request[Peers]:
    """The Raft addresses of all servers."""
    return Request("GET", "/v1/status/peers", json_of(list[str]))


class Status:
    """Who leads and who takes part."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def leader(self, options: QueryOptions | None = None) -> str:
        """The Raft address of the leader, an empty text when there is none."""
        return await self._client.call(leader_request(), options)

    async def peers(self, options: QueryOptions | None = None) -> Peers:
        """The Raft addresses of all servers."""
        return await self._client.call(peers_request(), options)
