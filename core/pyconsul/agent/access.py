"""Who may touch what this agent has: the rules of Consul's ``agent/acl.go``, over its services and checks.

Writing takes the right to the thing as it is and as it will be: one cannot take over another's registration.
"""

from __future__ import annotations

from pyconsul.acl import Access, Authorizer, Base, PolicyRules
from pyconsul.acl.rules import Rule
from pyconsul.agent.local.state import LocalState
from pyconsul.lang.strconv import quote
from pyconsul.structs.catalog import KIND_CONNECT_PROXY, HealthCheck, NodeService
from pyconsul.structs.errors import NotFound

__all__ = [
    "accessor_alias",
    "reads_check",
    "recovery_authorizer",
    "vet_check",
    "vet_known_check",
    "vet_known_service",
    "vet_service",
]


def recovery_authorizer(node: str) -> Authorizer:
    """The rights of the agent recovery token: this agent, and to see all nodes. It needs no server."""
    rules = PolicyRules({"agent": (Rule(node, "write"),), "node_prefix": (Rule("", "read"),)})
    return Authorizer.of_policies([rules], Base.DENY, accessor_id=f"agent-recovery:{node}")


def accessor_alias(authorizer: Authorizer) -> str:
    """Who asks, as the log names them."""
    return authorizer.holder


def vet_service(authorizer: Authorizer, state: LocalState, service: NodeService) -> None:
    """Raise PermissionDenied unless this may be registered: it, what it replaces, and what it is a proxy of."""
    authorizer.require("service", Access.WRITE, service.Service)
    replaced = state.service(service.ID or service.Service)
    if replaced is not None:
        authorizer.require("service", Access.WRITE, replaced.Service)
    if service.Kind == KIND_CONNECT_PROXY:
        authorizer.require("service", Access.WRITE, service.Proxy.DestinationServiceName or "")


def vet_known_service(authorizer: Authorizer, state: LocalState, service_id: str) -> None:
    """Raise NotFound for an unknown service, PermissionDenied for one that may not be written."""
    service = state.service(service_id)
    if service is None:
        raise NotFound(
            f"Unknown service ID {quote(service_id)}. Ensure that the service ID is passed, not the service name."
        )
    authorizer.require("service", Access.WRITE, service.Service)


def vet_check(authorizer: Authorizer, state: LocalState, check: HealthCheck) -> None:
    """Raise PermissionDenied unless this may be registered: it, and what it replaces."""
    _require_write(authorizer, state, check)
    replaced = state.check(check.CheckID)
    if replaced is not None:
        _require_write(authorizer, state, replaced)


def vet_known_check(authorizer: Authorizer, state: LocalState, check_id: str) -> None:
    """Raise NotFound for an unknown check, PermissionDenied for one that may not be written."""
    check = state.check(check_id)
    if check is None:
        raise NotFound(f"Unknown check ID {quote(check_id)}. Ensure that the check ID is passed, not the check name.")
    _require_write(authorizer, state, check)


def reads_check(authorizer: Authorizer, check: HealthCheck) -> bool:
    """Whether a check may be seen: by who sees its service, or its node where it belongs to none."""
    if check.ServiceName:
        return authorizer.allows("service", Access.READ, check.ServiceName)
    return authorizer.allows("node", Access.READ, check.Node)


def _require_write(authorizer: Authorizer, state: LocalState, check: HealthCheck) -> None:
    if check.ServiceName:
        authorizer.require("service", Access.WRITE, check.ServiceName)
    else:
        authorizer.require("node", Access.WRITE, state.facts.node)
