"""Cluster peering: ``/v1/peering``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from pyconsul.sdk.decode import json_of, nothing, one_or_none
from pyconsul.sdk.request import Answer, QueryOptions, Request, escape_path, json_body
from pyconsul.sdk.results import (
    Json,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

JsonList: TypeAlias = list[Json]


def generate_token_request(
    peer: str, *, meta: Mapping[str, str] | None = None, external_addresses: Sequence[str] = ()
) -> Request[str]:
    """A token with which another cluster can peer with this one."""
    return Request(
        "POST",
        "/v1/peering/token",
        _token_of,
        body=json_body({"PeerName": peer, "Meta": meta, "ServerExternalAddresses": list(external_addresses)}),
    )


def establish_request(peer: str, token: str, *, meta: Mapping[str, str] | None = None) -> Request[None]:
    """Peer with the cluster that made the token."""
    return Request(
        "POST",
        "/v1/peering/establish",
        nothing,
        body=json_body({"PeerName": peer, "PeeringToken": token, "Meta": meta}),
    )


def read_request(peer: str) -> Request[Json | None]:
    """One peering, None when there is none of this name."""
    return Request("GET", f"/v1/peering/{escape_path(peer)}", one_or_none(Json), accept=(200, 404))


def delete_request(peer: str) -> Request[None]:
    """End a peering."""
    return Request("DELETE", f"/v1/peering/{escape_path(peer)}", nothing)


def list_request() -> Request[JsonList]:
    """All peerings."""
    return Request("GET", "/v1/peerings", json_of(list[Json]))


def _token_of(answer: Answer) -> str:
    return str(json_of(Json)(answer).get("PeeringToken", ""))


class Peerings:
    """Cluster peering."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def generate_token(
        self,
        peer: str,
        options: QueryOptions | None = None,
        *,
        meta: Mapping[str, str] | None = None,
        external_addresses: Sequence[str] = (),
    ) -> str:
        """A token with which another cluster can peer with this one."""
        return await self._client.call(
            generate_token_request(peer, meta=meta, external_addresses=external_addresses), options
        )

    async def establish(
        self, peer: str, token: str, options: QueryOptions | None = None, *, meta: Mapping[str, str] | None = None
    ) -> None:
        """Peer with the cluster that made the token."""
        return await self._client.call(establish_request(peer, token, meta=meta), options)

    async def read(self, peer: str, options: QueryOptions | None = None) -> Json | None:
        """One peering, None when there is none of this name."""
        return await self._client.call(read_request(peer), options)

    async def delete(self, peer: str, options: QueryOptions | None = None) -> None:
        """End a peering."""
        return await self._client.call(delete_request(peer), options)

    async def list(self, options: QueryOptions | None = None) -> JsonList:
        """All peerings."""
        return await self._client.call(list_request(), options)
