"""Checks, and instances by their health: ``/v1/health``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from pyconsul.sdk.decode import json_of
from pyconsul.sdk.request import QueryOptions, Request, escape_path, params_of
from pyconsul.sdk.results import (
    HealthCheck,
    ServiceEntry,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

Checks: TypeAlias = list[HealthCheck]
Entries: TypeAlias = list[ServiceEntry]

STATES = ("any", "passing", "warning", "critical")
"""The states that one can ask for."""


def node_request(node: str) -> Request[Checks]:
    """All checks of a node."""
    return Request("GET", f"/v1/health/node/{escape_path(node)}", json_of(list[HealthCheck]))


def checks_request(service: str) -> Request[Checks]:
    """The checks of all instances of a service."""
    return Request("GET", f"/v1/health/checks/{escape_path(service)}", json_of(list[HealthCheck]))


def state_request(state: str = "any") -> Request[Checks]:
    """All checks in a state: any, passing, warning or critical; an agent takes any other for one that no check has."""
    refusal = "" if state in STATES else f"Unsupported state: {state}"
    return Request("GET", f"/v1/health/state/{escape_path(state)}", json_of(list[HealthCheck]), refusal=refusal)


def service_request(name: str, *, tags: Sequence[str] = (), passing: bool = False) -> Request[Entries]:
    """The instances of a service that carry all of ``tags``; with ``passing`` only the healthy ones."""
    return Request(
        "GET",
        f"/v1/health/service/{escape_path(name)}",
        json_of(list[ServiceEntry]),
        params=params_of(("tag", tags), ("passing", passing)),
    )


def connect_request(name: str, *, tags: Sequence[str] = (), passing: bool = False) -> Request[Entries]:
    """The mesh-capable instances of a service."""
    return Request(
        "GET",
        f"/v1/health/connect/{escape_path(name)}",
        json_of(list[ServiceEntry]),
        params=params_of(("tag", tags), ("passing", passing)),
    )


def ingress_request(name: str, *, tags: Sequence[str] = (), passing: bool = False) -> Request[Entries]:
    """The ingress gateways in front of a service."""
    return Request(
        "GET",
        f"/v1/health/ingress/{escape_path(name)}",
        json_of(list[ServiceEntry]),
        params=params_of(("tag", tags), ("passing", passing)),
    )


class Health:
    """Checks, and instances by their health."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def node(self, node: str, options: QueryOptions | None = None) -> Checks:
        """All checks of a node."""
        return await self._client.call(node_request(node), options)

    async def checks(self, service: str, options: QueryOptions | None = None) -> Checks:
        """The checks of all instances of a service."""
        return await self._client.call(checks_request(service), options)

    async def state(self, state: str = "any", options: QueryOptions | None = None) -> Checks:
        """All checks in a state: any, passing, warning or critical. Raises InvalidArgument for any other."""
        return await self._client.call(state_request(state), options)

    async def service(
        self, name: str, options: QueryOptions | None = None, *, tags: Sequence[str] = (), passing: bool = False
    ) -> Entries:
        """The instances of a service that carry all of ``tags``; with ``passing`` only the healthy ones."""
        return await self._client.call(service_request(name, tags=tags, passing=passing), options)

    async def connect(
        self, name: str, options: QueryOptions | None = None, *, tags: Sequence[str] = (), passing: bool = False
    ) -> Entries:
        """The mesh-capable instances of a service."""
        return await self._client.call(connect_request(name, tags=tags, passing=passing), options)

    async def ingress(
        self, name: str, options: QueryOptions | None = None, *, tags: Sequence[str] = (), passing: bool = False
    ) -> Entries:
        """The ingress gateways in front of a service."""
        return await self._client.call(ingress_request(name, tags=tags, passing=passing), options)
