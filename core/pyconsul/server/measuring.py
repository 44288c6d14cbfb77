"""Which RPC methods are timed or counted under Consul's names; ``registry.rpc`` wraps them when they register."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from pyconsul.telemetry import metrics

__all__ = ["LATE", "LOOKUPS", "TIMED", "measured"]

Method = Callable[[Any, Any], Awaitable[Any]]

# Method → summary, in milliseconds; as the endpoints of Consul's servers name them.
TIMED: Final = {
    "ACL.TokenClone": "acl.token.clone",
    "ACL.TokenSet": "acl.token.upsert",
    "ACL.TokenDelete": "acl.token.delete",
    "ACL.PolicySet": "acl.policy.upsert",
    "ACL.PolicyDelete": "acl.policy.delete",
    "ACL.RoleSet": "acl.role.upsert",
    "ACL.RoleDelete": "acl.role.delete",
    "ACL.BindingRuleSet": "acl.bindingrule.upsert",
    "ACL.BindingRuleDelete": "acl.bindingrule.delete",
    "ACL.AuthMethodSet": "acl.authmethod.upsert",
    "ACL.AuthMethodDelete": "acl.authmethod.delete",
    "ACL.Login": "acl.login",
    "ACL.Logout": "acl.logout",
    "Catalog.Register": "catalog.register",
    "Catalog.Deregister": "catalog.deregister",
    "ConfigEntry.Apply": "config_entry.apply",
    "ConfigEntry.Get": "config_entry.get",
    "ConfigEntry.List": "config_entry.list",
    "ConfigEntry.ListAll": "config_entry.listAll",
    "ConfigEntry.Delete": "config_entry.delete",
    "ConfigEntry.ResolvedExportedServices": "configentry.get_resolved_exported_services",
    "ConfigEntry.ResolveServiceConfig": "config_entry.resolve_service_config",
    "DiscoveryChain.Get": "discovery_chain.get",
    "FederationState.Apply": "federation_state.apply",
    "FederationState.Get": "federation_state.get",
    "FederationState.List": "federation_state.list",
    "FederationState.ListMeshGateways": "federation_state.list_mesh_gateways",
    "Intention.Apply": "intention.apply",
    "KVS.Apply": "kvs.apply",
    "PreparedQuery.Apply": "prepared-query.apply",
    "PreparedQuery.Explain": "prepared-query.explain",
    "PreparedQuery.Execute": "prepared-query.execute",
    "PreparedQuery.ExecuteRemote": "prepared-query.execute_remote",
    "Session.Apply": "session.apply",
    "Session.Renew": "session.renew",
    "Txn.Apply": "txn.apply",
    "Txn.Read": "txn.read",
}

# Not there until the first call.
LATE: Final = frozenset(name for name in TIMED.values() if name.startswith(("config_entry.", "configentry.")))

# Shown under an older name, too, with ``consul.`` before it.
DOUBLED: Final = frozenset(("intention.apply",))

# Look-ups of services: method → family, and the reply's field with the instances.
LOOKUPS: Final = {
    "Catalog.ServiceNodes": ("catalog", "ServiceNodes"),
    "Health.ServiceNodes": ("health", "Nodes"),
}


def measured(name: str, function: Method) -> Method:
    """The method with its figures, or as it is where Consul has none for it."""
    if name in LOOKUPS:
        return _counted(function, *LOOKUPS[name])
    return _timed(function, TIMED[name]) if name in TIMED else function


def _timed(function: Method, series: str) -> Method:
    add = metrics.doubled(series) if series in DOUBLED else metrics.timing(series, at_zero=series not in LATE).add
    clock = time.perf_counter

    async def timed(server: Any, ask: Any) -> Any:
        began = clock()
        try:
            return await function(server, ask)
        finally:
            add((clock() - began) * 1000)

    return timed


def _counted(function: Method, family: str, rows: str) -> Method:
    if family == "catalog":  # those that Consul shows from the start
        for kind in ("service", "connect"):
            metrics.declare("counter", *(f"catalog.{kind}.{what}" for what in _LOOKUP_NAMES))

    async def counted(server: Any, ask: Any) -> Any:
        reply = await function(server, ask)
        _count_lookup(family, ask, nothing=not getattr(reply, rows))
        return reply

    return counted


_LOOKUP_NAMES: Final = ("query", "query-tag", "query-tags", "not-found")


def _count_lookup(family: str, ask: Any, *, nothing: bool) -> None:
    """Count by service, and by the tags asked for. Only answered questions count."""
    kind = "connect" if ask.Connect else "service"
    if family == "health" and ask.Ingress:
        kind = "ingress"
    service = ("service", ask.ServiceName)
    metrics.incr(f"{family}.{kind}.query", labels=(service,))
    if ask.ServiceTag:
        metrics.incr(f"{family}.{kind}.query-tag", labels=(service, ("tag", ask.ServiceTag)))
    if ask.ServiceTags:
        tags = (("tag", tag) for tag in sorted(ask.ServiceTags))
        metrics.incr(f"{family}.{kind}.query-tags", labels=(service, *tags))
    if nothing:
        metrics.incr(f"{family}.{kind}.not-found", labels=(service,))
