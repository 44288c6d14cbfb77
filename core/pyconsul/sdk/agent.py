"""The agent itself, its local services and checks: ``/v1/agent``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from pyconsul.sdk.decode import json_of, list_or_empty, nothing, one_or_none, text, whole
from pyconsul.sdk.request import Answer, Params, QueryOptions, Request, escape_path, json_body, params_of
from pyconsul.sdk.results import (
    AgentService,
    CARoots,
    HealthCheck,
    Json,
    LeafCert,
    Member,
    ServiceHealth,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller
    from pyconsul.sdk.streams import Stream

Members: TypeAlias = list[Member]
ServicesByID: TypeAlias = dict[str, AgentService]
ChecksByID: TypeAlias = dict[str, HealthCheck]
HealthList: TypeAlias = list[ServiceHealth]

_HEALTH_STATUSES = (200, 404, 429, 503)  # passing, unknown, warning, critical or maintenance


def self_request() -> Request[Json]:
    """Configuration, member entry, coordinate and statistics of the agent."""
    return Request("GET", "/v1/agent/self", json_of(Json))


def host_request() -> Request[Json]:
    """The machine: memory, CPUs, disk."""
    return Request("GET", "/v1/agent/host", json_of(Json))


def version_request() -> Request[Json]:
    """Version, build date and commit."""
    return Request("GET", "/v1/agent/version", json_of(Json))


def metrics_request() -> Request[Json]:
    """The metrics of the last whole interval."""
    return Request("GET", "/v1/agent/metrics", json_of(Json))


def prometheus_request() -> Request[str]:
    """The metrics in Prometheus' text format."""
    return Request("GET", "/v1/agent/metrics", text, params=(("format", "prometheus"),))


def metrics_stream_request() -> Request[Answer]:
    """One JSON document of metrics an interval, until closed."""
    return Request("GET", "/v1/agent/metrics/stream", whole)


def monitor_request(*, log_level: str = "", log_json: bool = False) -> Request[Answer]:
    """The agent's log from now on, line by line, until closed."""
    return Request(
        "GET",
        "/v1/agent/monitor",
        whole,
        params=params_of(("loglevel", log_level), ("logjson", "true" if log_json else "")),
    )


def members_request(*, wan: bool = False, segment: str = "") -> Request[Members]:
    """The gossip members that the agent knows."""
    return Request(
        "GET",
        "/v1/agent/members",
        json_of(list[Member]),
        params=params_of(("wan", "1" if wan else ""), ("segment", segment)),
    )


def services_request() -> Request[ServicesByID]:
    """The local instances by service ID."""
    return Request("GET", "/v1/agent/services", json_of(dict[str, AgentService]))


def service_request(service_id: str) -> Request[AgentService | None]:
    """One local instance, None when there is none of this ID; it can be watched by its content hash."""
    return Request("GET", f"/v1/agent/service/{escape_path(service_id)}", one_or_none(AgentService), accept=(200, 404))


def checks_request() -> Request[ChecksByID]:
    """The local checks by check ID."""
    return Request("GET", "/v1/agent/checks", json_of(dict[str, HealthCheck]))


def service_health_request(service_id: str) -> Request[ServiceHealth | None]:
    """One local instance with its aggregated status, None when there is none of this ID."""
    return Request(
        "GET",
        f"/v1/agent/health/service/id/{escape_path(service_id)}",
        one_or_none(ServiceHealth),
        accept=_HEALTH_STATUSES,
    )


def service_health_by_name_request(name: str) -> Request[HealthList]:
    """The local instances of a service with their aggregated status."""
    return Request(
        "GET",
        f"/v1/agent/health/service/name/{escape_path(name)}",
        list_or_empty(ServiceHealth),
        accept=_HEALTH_STATUSES,
    )


def register_service_request(
    definition: Mapping[str, Any] | Struct, *, replace_existing_checks: bool = False
) -> Request[None]:
    """Register a local instance, or change it; see ``registration.py`` for typed definitions."""
    return Request(
        "PUT",
        "/v1/agent/service/register",
        nothing,
        params=params_of(("replace-existing-checks", "true" if replace_existing_checks else "")),
        body=json_body(definition),
        idempotent=True,
    )


def deregister_service_request(service_id: str) -> Request[None]:
    """Remove a local instance with its checks."""
    return Request("PUT", f"/v1/agent/service/deregister/{escape_path(service_id)}", nothing)


def _maintenance(enable: bool, reason: str) -> Params:
    """Consul's client sends the reason where it is empty, too, but none with the end of the maintenance."""
    return (("enable", "true"), ("reason", reason)) if enable else (("enable", "false"),)


def service_maintenance_request(service_id: str, enable: bool, *, reason: str = "") -> Request[None]:
    """Put one local instance into maintenance, or take it out."""
    return Request(
        "PUT",
        f"/v1/agent/service/maintenance/{escape_path(service_id)}",
        nothing,
        params=_maintenance(enable, reason),
        idempotent=True,
    )


def register_check_request(definition: Mapping[str, Any] | Struct) -> Request[None]:
    """Register a local check, or change it."""
    return Request("PUT", "/v1/agent/check/register", nothing, body=json_body(definition), idempotent=True)


def deregister_check_request(check_id: str) -> Request[None]:
    """Remove a local check."""
    return Request("PUT", f"/v1/agent/check/deregister/{escape_path(check_id)}", nothing)


def pass_check_request(check_id: str, *, note: str = "") -> Request[None]:
    """Report a TTL check passing; ``note`` becomes its output."""
    return Request(
        "PUT",
        f"/v1/agent/check/pass/{escape_path(check_id)}",
        nothing,
        params=params_of(("note", note)),
        idempotent=True,
    )


def warn_check_request(check_id: str, *, note: str = "") -> Request[None]:
    """Report a TTL check warning; ``note`` becomes its output."""
    return Request(
        "PUT",
        f"/v1/agent/check/warn/{escape_path(check_id)}",
        nothing,
        params=params_of(("note", note)),
        idempotent=True,
    )


def fail_check_request(check_id: str, *, note: str = "") -> Request[None]:
    """Report a TTL check critical; ``note`` becomes its output."""
    return Request(
        "PUT",
        f"/v1/agent/check/fail/{escape_path(check_id)}",
        nothing,
        params=params_of(("note", note)),
        idempotent=True,
    )


def update_check_request(check_id: str, status: str, *, output: str = "") -> Request[None]:
    """Report a TTL check's status (passing, warning, critical) and output."""
    return Request(
        "PUT",
        f"/v1/agent/check/update/{escape_path(check_id)}",
        nothing,
        body=json_body({"Status": status, "Output": output}),
        idempotent=True,
    )


def maintenance_request(enable: bool, *, reason: str = "") -> Request[None]:
    """Put the whole node into maintenance, or take it out."""
    return Request(
        "PUT",
        "/v1/agent/maintenance",
        nothing,
        params=_maintenance(enable, reason),
        idempotent=True,
    )


def join_request(address: str, *, wan: bool = False) -> Request[None]:
    """Join the gossip pool of another agent."""
    return Request(
        "PUT", f"/v1/agent/join/{escape_path(address)}", nothing, params=params_of(("wan", "1" if wan else ""))
    )


def leave_request() -> Request[None]:
    """Leave the cluster and stop the agent."""
    return Request("PUT", "/v1/agent/leave", nothing)


def force_leave_request(node: str, *, prune: bool = False, wan: bool = False) -> Request[None]:
    """Turn a failed member into one that has left; ``prune`` forgets it at once."""
    return Request(
        "PUT",
        f"/v1/agent/force-leave/{escape_path(node)}",
        nothing,
        params=params_of(("prune", "1" if prune else ""), ("wan", "1" if wan else "")),
    )


def reload_request() -> Request[None]:
    """Read the configuration again."""
    return Request("PUT", "/v1/agent/reload", nothing)


def set_token_request(kind: str, token: str) -> Request[None]:
    """Set a token of the agent itself: default, agent, agent_recovery, replication, dns, …"""
    return Request(
        "PUT", f"/v1/agent/token/{escape_path(kind)}", nothing, body=json_body({"Token": token}), idempotent=True
    )


def connect_authorize_request(definition: Mapping[str, Any] | Struct) -> Request[Json]:
    """Whether a client certificate may open a connection to a local service."""
    return Request("POST", "/v1/agent/connect/authorize", json_of(Json), body=json_body(definition), idempotent=True)


def ca_roots_request() -> Request[CARoots]:
    """The mesh's root certificates, from the agent's cache."""
    return Request("GET", "/v1/agent/connect/ca/roots", json_of(CARoots))


def ca_leaf_request(service: str) -> Request[LeafCert]:
    """The leaf certificate of a local service, with its key."""
    return Request("GET", f"/v1/agent/connect/ca/leaf/{escape_path(service)}", json_of(LeafCert))


class Agent:
    """The agent that the client talks to: itself, its services and checks."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def self(self, options: QueryOptions | None = None) -> Json:
        """Configuration, member entry, coordinate and statistics of the agent."""
        return await self._client.call(self_request(), options)

    async def host(self, options: QueryOptions | None = None) -> Json:
        """The machine: memory, CPUs, disk."""
        return await self._client.call(host_request(), options)

    async def version(self, options: QueryOptions | None = None) -> Json:
        """Version, build date and commit."""
        return await self._client.call(version_request(), options)

    async def metrics(self, options: QueryOptions | None = None) -> Json:
        """The metrics of the last whole interval."""
        return await self._client.call(metrics_request(), options)

    async def prometheus(self, options: QueryOptions | None = None) -> str:
        """The metrics in Prometheus' text format."""
        return await self._client.call(prometheus_request(), options)

    async def metrics_stream(self, options: QueryOptions | None = None) -> Stream:
        """One JSON document of metrics an interval, until closed."""
        return await self._client.stream(metrics_stream_request(), options)

    async def monitor(
        self, options: QueryOptions | None = None, *, log_level: str = "", log_json: bool = False
    ) -> Stream:
        """The agent's log from now on, line by line, until closed."""
        return await self._client.stream(monitor_request(log_level=log_level, log_json=log_json), options)

    async def members(self, options: QueryOptions | None = None, *, wan: bool = False, segment: str = "") -> Members:
        """The gossip members that the agent knows."""
        return await self._client.call(members_request(wan=wan, segment=segment), options)

    async def services(self, options: QueryOptions | None = None) -> ServicesByID:
        """The local instances by service ID."""
        return await self._client.call(services_request(), options)

    async def service(self, service_id: str, options: QueryOptions | None = None) -> AgentService | None:
        """One local instance, None when there is none of this ID; it can be watched by its content hash."""
        return await self._client.call(service_request(service_id), options)

    async def checks(self, options: QueryOptions | None = None) -> ChecksByID:
        """The local checks by check ID."""
        return await self._client.call(checks_request(), options)

    async def service_health(self, service_id: str, options: QueryOptions | None = None) -> ServiceHealth | None:
        """One local instance with its aggregated status, None when there is none of this ID."""
        return await self._client.call(service_health_request(service_id), options)

    async def service_health_by_name(self, name: str, options: QueryOptions | None = None) -> HealthList:
        """The local instances of a service with their aggregated status."""
        return await self._client.call(service_health_by_name_request(name), options)

    async def register_service(
        self,
        definition: Mapping[str, Any] | Struct,
        options: QueryOptions | None = None,
        *,
        replace_existing_checks: bool = False,
    ) -> None:
        """Register a local instance, or change it; see ``registration.py`` for typed definitions."""
        return await self._client.call(
            register_service_request(definition, replace_existing_checks=replace_existing_checks), options
        )

    async def deregister_service(self, service_id: str, options: QueryOptions | None = None) -> None:
        """Remove a local instance with its checks."""
        return await self._client.call(deregister_service_request(service_id), options)

    async def service_maintenance(
        self, service_id: str, enable: bool, options: QueryOptions | None = None, *, reason: str = ""
    ) -> None:
        """Put one local instance into maintenance, or take it out."""
        return await self._client.call(service_maintenance_request(service_id, enable, reason=reason), options)

    async def register_check(self, definition: Mapping[str, Any] | Struct, options: QueryOptions | None = None) -> None:
        """Register a local check, or change it."""
        return await self._client.call(register_check_request(definition), options)

    async def deregister_check(self, check_id: str, options: QueryOptions | None = None) -> None:
        """Remove a local check."""
        return await self._client.call(deregister_check_request(check_id), options)

    async def pass_check(self, check_id: str, options: QueryOptions | None = None, *, note: str = "") -> None:
        """Report a TTL check passing; ``note`` becomes its output."""
        return await self._client.call(pass_check_request(check_id, note=note), options)

    async def warn_check(self, check_id: str, options: QueryOptions | None = None, *, note: str = "") -> None:
        """Report a TTL check warning; ``note`` becomes its output."""
        return await self._client.call(warn_check_request(check_id, note=note), options)

    async def fail_check(self, check_id: str, options: QueryOptions | None = None, *, note: str = "") -> None:
        """Report a TTL check critical; ``note`` becomes its output."""
        return await self._client.call(fail_check_request(check_id, note=note), options)

    async def update_check(
        self, check_id: str, status: str, options: QueryOptions | None = None, *, output: str = ""
    ) -> None:
        """Report a TTL check's status (passing, warning, critical) and output."""
        return await self._client.call(update_check_request(check_id, status, output=output), options)

    async def maintenance(self, enable: bool, options: QueryOptions | None = None, *, reason: str = "") -> None:
        """Put the whole node into maintenance, or take it out."""
        return await self._client.call(maintenance_request(enable, reason=reason), options)

    async def join(self, address: str, options: QueryOptions | None = None, *, wan: bool = False) -> None:
        """Join the gossip pool of another agent."""
        return await self._client.call(join_request(address, wan=wan), options)

    async def leave(self, options: QueryOptions | None = None) -> None:
        """Leave the cluster and stop the agent."""
        return await self._client.call(leave_request(), options)

    async def force_leave(
        self, node: str, options: QueryOptions | None = None, *, prune: bool = False, wan: bool = False
    ) -> None:
        """Turn a failed member into one that has left; ``prune`` forgets it at once."""
        return await self._client.call(force_leave_request(node, prune=prune, wan=wan), options)

    async def reload(self, options: QueryOptions | None = None) -> None:
        """Read the configuration again."""
        return await self._client.call(reload_request(), options)

    async def set_token(self, kind: str, token: str, options: QueryOptions | None = None) -> None:
        """Set a token of the agent itself: default, agent, agent_recovery, replication, dns, …"""
        return await self._client.call(set_token_request(kind, token), options)

    async def connect_authorize(
        self, definition: Mapping[str, Any] | Struct, options: QueryOptions | None = None
    ) -> Json:
        """Whether a client certificate may open a connection to a local service."""
        return await self._client.call(connect_authorize_request(definition), options)

    async def ca_roots(self, options: QueryOptions | None = None) -> CARoots:
        """The mesh's root certificates, from the agent's cache."""
        return await self._client.call(ca_roots_request(), options)

    async def ca_leaf(self, service: str, options: QueryOptions | None = None) -> LeafCert:
        """The leaf certificate of a local service, with its key."""
        return await self._client.call(ca_leaf_request(service), options)
