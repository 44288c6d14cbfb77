"""The servers from an operator's seat: ``/v1/operator``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from pyconsul.sdk.decode import json_of, nothing, truth
from pyconsul.sdk.request import QueryOptions, Request, json_body, params_of
from pyconsul.sdk.results import (
    Json,
    RaftConfiguration,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

JsonList: TypeAlias = list[Json]


def raft_configuration_request() -> Request[RaftConfiguration]:
    """The servers in the Raft configuration."""
    return Request("GET", "/v1/operator/raft/configuration", json_of(RaftConfiguration))


def raft_transfer_leader_request(*, server_id: str = "") -> Request[Json]:
    """Hand leadership to another server, any one unless ``server_id`` names it."""
    return Request("POST", "/v1/operator/raft/transfer-leader", json_of(Json), params=params_of(("id", server_id)))


def raft_remove_peer_request(*, server_id: str = "", address: str = "") -> Request[None]:
    """Take a server out of the Raft configuration, by ID or by address."""
    return Request(
        "DELETE", "/v1/operator/raft/peer", nothing, params=params_of(("id", server_id), ("address", address))
    )


def keyring_list_request(*, relay_factor: int = 0) -> Request[JsonList]:
    """The gossip keys of every pool."""
    return Request("GET", "/v1/operator/keyring", json_of(list[Json]), params=params_of(("relay-factor", relay_factor)))


def keyring_install_request(key: str, *, relay_factor: int = 0) -> Request[None]:
    """Install a gossip key on all members."""
    return Request(
        "POST",
        "/v1/operator/keyring",
        nothing,
        params=params_of(("relay-factor", relay_factor)),
        body=json_body({"Key": key}),
        idempotent=True,
    )


def keyring_use_request(key: str, *, relay_factor: int = 0) -> Request[None]:
    """Make a gossip key the primary one."""
    return Request(
        "PUT",
        "/v1/operator/keyring",
        nothing,
        params=params_of(("relay-factor", relay_factor)),
        body=json_body({"Key": key}),
        idempotent=True,
    )


def keyring_remove_request(key: str, *, relay_factor: int = 0) -> Request[None]:
    """Remove a gossip key."""
    return Request(
        "DELETE",
        "/v1/operator/keyring",
        nothing,
        params=params_of(("relay-factor", relay_factor)),
        body=json_body({"Key": key}),
        idempotent=True,
    )


def usage_request() -> Request[Json]:
    """Counts of nodes, services and instances by datacenter."""
    return Request("GET", "/v1/operator/usage", json_of(Json))


def autopilot_configuration_request() -> Request[Json]:
    """The Autopilot configuration."""
    return Request("GET", "/v1/operator/autopilot/configuration", json_of(Json))


def autopilot_set_configuration_request(configuration: Mapping[str, Any], *, cas: int | None = None) -> Request[bool]:
    """Change the Autopilot configuration; False when ``cas`` did not fit."""
    return Request(
        "PUT",
        "/v1/operator/autopilot/configuration",
        truth,
        params=params_of(("cas", None if cas is None else str(cas))),
        body=json_body(configuration),
    )


def autopilot_health_request() -> Request[Json]:
    """The health of every server, as Autopilot sees it; an unhealthy cluster is no error here."""
    return Request("GET", "/v1/operator/autopilot/health", json_of(Json), accept=(200, 429))


def autopilot_state_request() -> Request[Json]:
    """All that Autopilot knows."""
    return Request("GET", "/v1/operator/autopilot/state", json_of(Json))


class Operator:
    """Raft, Autopilot, the gossip keyring and usage."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def raft_configuration(self, options: QueryOptions | None = None) -> RaftConfiguration:
        """The servers in the Raft configuration."""
        return await self._client.call(raft_configuration_request(), options)

    async def raft_transfer_leader(self, options: QueryOptions | None = None, *, server_id: str = "") -> Json:
        """Hand leadership to another server, any one unless ``server_id`` names it."""
        return await self._client.call(raft_transfer_leader_request(server_id=server_id), options)

    async def raft_remove_peer(
        self, options: QueryOptions | None = None, *, server_id: str = "", address: str = ""
    ) -> None:
        """Take a server out of the Raft configuration, by ID or by address."""
        return await self._client.call(raft_remove_peer_request(server_id=server_id, address=address), options)

    async def keyring_list(self, options: QueryOptions | None = None, *, relay_factor: int = 0) -> JsonList:
        """The gossip keys of every pool."""
        return await self._client.call(keyring_list_request(relay_factor=relay_factor), options)

    async def keyring_install(self, key: str, options: QueryOptions | None = None, *, relay_factor: int = 0) -> None:
        """Install a gossip key on all members."""
        return await self._client.call(keyring_install_request(key, relay_factor=relay_factor), options)

    async def keyring_use(self, key: str, options: QueryOptions | None = None, *, relay_factor: int = 0) -> None:
        """Make a gossip key the primary one."""
        return await self._client.call(keyring_use_request(key, relay_factor=relay_factor), options)

    async def keyring_remove(self, key: str, options: QueryOptions | None = None, *, relay_factor: int = 0) -> None:
        """Remove a gossip key."""
        return await self._client.call(keyring_remove_request(key, relay_factor=relay_factor), options)

    async def usage(self, options: QueryOptions | None = None) -> Json:
        """Counts of nodes, services and instances by datacenter."""
        return await self._client.call(usage_request(), options)

    async def autopilot_configuration(self, options: QueryOptions | None = None) -> Json:
        """The Autopilot configuration."""
        return await self._client.call(autopilot_configuration_request(), options)

    async def autopilot_set_configuration(
        self, configuration: Mapping[str, Any], options: QueryOptions | None = None, *, cas: int | None = None
    ) -> bool:
        """Change the Autopilot configuration; False when ``cas`` did not fit."""
        return await self._client.call(autopilot_set_configuration_request(configuration, cas=cas), options)

    async def autopilot_health(self, options: QueryOptions | None = None) -> Json:
        """The health of every server, as Autopilot sees it; an unhealthy cluster is no error here."""
        return await self._client.call(autopilot_health_request(), options)

    async def autopilot_state(self, options: QueryOptions | None = None) -> Json:
        """All that Autopilot knows."""
        return await self._client.call(autopilot_state_request(), options)
