"""What an agent knows of itself: the tables of its services and checks. The same store type as the servers'."""

from __future__ import annotations

import msgspec

from pyconsul.memdb import Index, Store, Table
from pyconsul.structs import health
from pyconsul.structs.catalog import HealthCheck, NodeService

__all__ = ["CHECKS", "SERVICES", "LocalCheck", "LocalService", "local_store", "same_check", "same_service"]


class LocalService(msgspec.Struct, frozen=True, kw_only=True):
    """A service of this agent, the token to register it with, and where it came from."""

    Service: NodeService
    Token: str = ""
    from_config: bool = False
    is_sidecar: bool = False  # registered along with the service in front of which it stands


class LocalCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A check of this agent. ``critical_since`` is a loop time, None while it is not critical."""

    Check: HealthCheck
    Token: str = ""
    from_config: bool = False
    critical_since: float | None = None


class GoneCheck(msgspec.Struct, frozen=True):
    """A check that the catalog still has: the service with which it goes, and its row there where that is known."""

    service_id: str = ""
    known: HealthCheck | None = None


SERVICES: Table[LocalService] = Table(
    name="local-services",
    primary=lambda row: row.Service.ID,
    indexes={"name": Index(lambda row: (row.Service.Service,))},
)
CHECKS: Table[LocalCheck] = Table(
    name="local-checks",
    primary=lambda row: row.Check.CheckID,
    indexes={"service": Index(lambda row: (row.Check.ServiceID,))},
)


def local_store() -> Store:
    """An empty store for one agent."""
    return Store((SERVICES, CHECKS))


def same_service(one: NodeService, other: NodeService) -> bool:
    """Whether two registrations are equal but for Raft indexes; nil and empty containers are the same."""
    return _plain_service(one) == _plain_service(other)


def _plain_service(service: NodeService) -> NodeService:
    return msgspec.structs.replace(
        service, Tags=service.Tags or None, Meta=service.Meta or None, CreateIndex=0, ModifyIndex=0
    )


def same_check(one: HealthCheck, other: HealthCheck, *, but_output: bool = False) -> bool:
    """Whether two checks are the same to a server, with ``but_output`` also if their outputs differ."""
    return health.same_check(_plain_check(one, but_output), _plain_check(other, but_output))


def _plain_check(check: HealthCheck, but_output: bool) -> HealthCheck:
    return msgspec.structs.replace(
        check, ServiceTags=check.ServiceTags or None, Output="" if but_output else check.Output
    )
