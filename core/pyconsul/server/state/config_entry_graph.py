"""What a config entry may not do to the others: routers, splitters and resolvers must fit together.

Before a write is taken, the discovery chains that it touches are walked as they would be then. Only what can go wrong
is looked at: protocols, subsets, circles. The texts are Consul's.
"""

import msgspec

from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store
from pyconsul.server.state.config_entry_reads import (
    CONFIG_ENTRIES,
    Overrides,
    entries_of,
    entry_key,
    entry_of,
    linking,
    protocol_of,
)
from pyconsul.structs.config_entries.entry import HTTP_LIKE, WILDCARD, ConfigEntry, refuse
from pyconsul.structs.config_entries.exported_services import ExportedServices
from pyconsul.structs.config_entries.ingress_gateway import IngressGateway
from pyconsul.structs.config_entries.jwt_provider import JWTProvider
from pyconsul.structs.config_entries.mesh import Mesh
from pyconsul.structs.config_entries.mutual_tls import PERMISSIVE
from pyconsul.structs.config_entries.proxy_defaults import ProxyDefaults
from pyconsul.structs.config_entries.service_defaults import ServiceDefaults
from pyconsul.structs.config_entries.service_intentions import ServiceIntentions
from pyconsul.structs.config_entries.service_resolver import ServiceResolver
from pyconsul.structs.config_entries.service_router import ServiceRouter
from pyconsul.structs.config_entries.service_splitter import ServiceSplitter
from pyconsul.structs.config_entries.terminating_gateway import TerminatingGateway
from pyconsul.structs.errors import InternalError

_DATACENTER = "dc1"  # as Consul, which needs some name here
_GRAPH_KINDS = (ServiceRouter, ServiceSplitter, ServiceResolver)
_CLASHES = {
    IngressGateway.kind: TerminatingGateway.kind,
    TerminatingGateway.kind: IngressGateway.kind,
}


class Target(msgspec.Struct, frozen=True):
    """Where a chain may end."""

    service: str
    subset: str = ""
    datacenter: str = _DATACENTER
    peer: str = ""

    @property
    def id(self) -> str:
        """Its ID as Consul writes it, and compares targets by: a peer's subsets are the peer's own affair."""
        if self.peer:
            return f"{self.service}.default.default.external.{self.peer}"
        parts = (self.subset, self.service, "default", "default", self.datacenter)
        return ".".join(part for part in parts if part)

    def rewritten(self, service: str, subset: str, datacenter: str, peer: str) -> "Target":
        """The target with those parts replaced that are given; another service has other subsets."""
        keeps = not service or service == self.service
        where = "" if peer else (datacenter or self.datacenter or _DATACENTER)
        return Target(service or self.service, subset or (self.subset if keeps else ""), where, peer)


class Chain(msgspec.Struct):
    """One service's chain as far as it is walked: its protocol, what stands at its head, where it may end."""

    db: Store
    service: str
    overrides: Overrides | None
    protocol: str = ""
    head: str = "resolver"
    advanced: bool = False
    targets: set[Target] = msgspec.field(default_factory=set[Target])
    failovers: set[str] = msgspec.field(default_factory=set[str])  # IDs of targets
    splits: dict[str, list[str]] = msgspec.field(default_factory=dict[str, list[str]])
    resolved: set[str] = msgspec.field(default_factory=set[str])  # IDs of targets

    def walk(self) -> None:
        """Walk all of it. Raises InternalError for a chain that cannot be."""
        router = entry_of(self.db, ServiceRouter, self.service, self.overrides)
        heads = [self.service]
        if router is not None:
            self.head, self.advanced = "router", True
            self._note_protocol(self.service)
            heads = self._route(router)
        elif self._split_or_resolve(self.service):
            self.head = "splitter"
        self._refuse_circles(heads)
        if self.advanced and self.protocol not in HTTP_LIKE:
            raise InternalError(
                f"discovery chain {quote(self.service)} uses a protocol {quote(self.protocol)} "
                "that does not permit advanced routing or splitting behavior"
            )

    def _route(self, router: ServiceRouter) -> list[str]:
        """Follow all routes, and the one that catches the rest; returns the services that may be split."""
        heads: list[str] = []
        for route in router.Routes or ():
            service = (route.Destination.Service if route.Destination else "") or self.service
            subset = (route.Destination.ServiceSubset if route.Destination else "") or ""
            if subset:
                self._resolve(Target(service, subset))
            else:
                self._split_or_resolve(service)
                heads.append(service)
        self._split_or_resolve(self.service)
        return [*heads, self.service]

    def _note_protocol(self, service: str) -> None:
        protocol = protocol_of(self.db, service, self.overrides)
        if not self.protocol:
            self.protocol = protocol
        elif self.protocol != protocol:
            raise InternalError(
                f"discovery chain {quote(self.service)} uses inconsistent protocols; service {quote(service)} "
                f"has {quote(protocol)} which is not {quote(self.protocol)}"
            )

    def _split_or_resolve(self, service: str) -> bool:
        """Follow a service's splitter, or its resolver; returns whether there is a splitter."""
        if self._split(service):
            return True
        self._resolve(Target(service))
        return False

    def _split(self, service: str) -> bool:
        if service in self.splits:
            return True
        splitter = entry_of(self.db, ServiceSplitter, service, self.overrides)
        if splitter is None:
            return False
        inner: list[str] = []
        self.splits[service] = inner
        for split in splitter.Splits or ():
            name = split.Service or service
            if name != service and not split.ServiceSubset and self._split(name):
                inner.append(name)
            else:
                self._resolve(Target(name, split.ServiceSubset or ""))
        self.advanced = True
        return True

    def _resolve(self, target: Target, *, is_failover: bool = False) -> Target:
        """Follow redirects and subsets to where a target ends; its failovers are followed one step."""
        order: list[str] = []
        while True:
            if target.id in self.resolved:
                return target
            if not target.peer:
                self._note_protocol(target.service)
            resolver = entry_of(self.db, ServiceResolver, target.service, self.overrides) or ServiceResolver()
            if target.id in order:
                raise InternalError(f"detected circular resolver redirect: [{' -> '.join([*order, target.id])}]")
            order.append(target.id)
            following = _next(target, resolver)
            if following.id == target.id:
                break
            target = following
        if target.subset and not resolver.is_subset(target.subset):
            raise InternalError(f"service {quote(target.service)} does not have a subset named {quote(target.subset)}")
        self._refuse_external(target, resolver)
        self.targets.add(target)
        if not is_failover:
            self.resolved.add(target.id)
            for other in _failovers(target, resolver):
                if other.id != target.id:
                    self.failovers.add(self._resolve(other, is_failover=True).id)
        return target

    def _refuse_external(self, target: Target, resolver: ServiceResolver) -> None:
        defaults = entry_of(self.db, ServiceDefaults, target.service, self.overrides)
        if defaults is None or not defaults.ExternalSNI:
            return
        parts = (("redirects", resolver.Redirect), ("subsets", resolver.Subsets), ("failover", resolver.Failover))
        for what, part in parts:
            if part:
                raise InternalError(
                    f"service {quote(target.service)} has an external SNI set; "
                    f"cannot define {what} for external services"
                )

    def _refuse_circles(self, heads: list[str]) -> None:
        """Splitters may not lead back to themselves."""
        start = [f"router:{self.service}.default.default"] if self.head == "router" else []
        for head in heads:
            self._visit(head, start)

    def _visit(self, service: str, path: list[str]) -> None:
        if service not in self.splits:
            return
        here = f"splitter:{service}.default.default"
        if here in path:
            raise InternalError(f"detected circular reference: [{' -> '.join([*path, here])}]")
        for other in self.splits[service]:
            self._visit(other, [*path, here])


def _next(target: Target, resolver: ServiceResolver) -> Target:
    """The target after one redirect, or with the default subset; itself where there is neither."""
    redirect = resolver.Redirect
    if redirect:
        other = target.rewritten(
            redirect.Service or "", redirect.ServiceSubset or "", redirect.Datacenter or "", redirect.Peer or ""
        )
        if other.id != target.id:
            return other
    if not target.subset and resolver.DefaultSubset:
        return target.rewritten("", resolver.DefaultSubset, "", "")
    return target


def _failovers(target: Target, resolver: ServiceResolver) -> list[Target]:
    policies = resolver.Failover or {}
    failover = policies.get(target.subset) or policies.get(WILDCARD)
    if failover is None:
        return []
    service, subset = failover.Service or "", failover.ServiceSubset or ""
    if failover.Datacenters:
        return [target.rewritten(service, subset, dc, "") for dc in failover.Datacenters]
    if failover.Targets:
        return [
            target.rewritten(t.Service or "", t.ServiceSubset or "", t.Datacenter or "", t.Peer or "")
            for t in failover.Targets
        ]
    return [target.rewritten(service, subset, "", "")]


def chain_of(db: Store, service: str, overrides: Overrides | None = None) -> Chain:
    """A service's chain, walked. Raises InternalError for one that cannot be."""
    chain = Chain(db, service, overrides)
    chain.walk()
    return chain


# What is checked before a write


def check_write(db: Store, kind: str, name: str, new: ConfigEntry | None, old: ConfigEntry | None) -> None:
    """Raise InternalError for a write (``new``) or a deletion (None) that others do not allow."""
    if other := _CLASHES.get(kind):
        _refuse_clash(db, kind, other, name)
    if isinstance(new, ProxyDefaults | ServiceDefaults):
        _check_mutual_tls(db, new, old)
    elif isinstance(new, ServiceIntentions):
        _check_providers(db, new)
    elif new is None and isinstance(old, JWTProvider):
        _refuse_used_provider(db, old.Name or "")
    _check_chains(db, kind, name, new)


def _refuse_clash(db: Store, kind: str, other: str, name: str) -> None:
    """One name cannot be two kinds of gateway."""
    if db.get(CONFIG_ENTRIES, entry_key(other, name)) is not None:
        raise InternalError(
            f"cannot create a {quote(kind)} config entry with name {quote(name)}, "
            f"a {quote(other)} config entry with that name already exists"
        )


def _check_mutual_tls(db: Store, new: ProxyDefaults | ServiceDefaults, old: ConfigEntry | None) -> None:
    before = old.MutualTLSMode if isinstance(old, ProxyDefaults | ServiceDefaults) else ""
    if new.MutualTLSMode != PERMISSIVE or before == PERMISSIVE:
        return
    mesh = entry_of(db, Mesh, "mesh")
    if mesh is None or not mesh.AllowEnablingPermissiveMutualTLS:
        raise InternalError(
            "cannot set MutualTLSMode=permissive because AllowEnablingPermissiveMutualTLS=false "
            "in the mesh config entry"
        )


def _check_providers(db: Store, entry: ServiceIntentions) -> None:
    known = {provider.Name for provider in entries_of(db, JWTProvider)}
    missing = [name for name in entry.providers() if name not in known]
    refuse([f"Referenced JWT Provider does not exist. Provider Name: {name}" for name in missing])


def _refuse_used_provider(db: Store, name: str) -> None:
    for entry in entries_of(db, ServiceIntentions):
        if name in entry.providers():
            raise InternalError(
                "cannot delete jwt provider config entry referenced by an intention. "
                f"Provider name: {name}, intention name: {entry.Name}"
            )


class _Touched(msgspec.Struct):
    """What must be looked at again for a write; chains in the order in which they are found, each once."""

    chains: dict[str, None] = msgspec.field(default_factory=dict[str, None])
    gateways: list[IngressGateway] = msgspec.field(default_factory=list[IngressGateway])
    intentions: list[ServiceIntentions] = msgspec.field(default_factory=list[ServiceIntentions])


def _check_chains(db: Store, kind: str, name: str, new: ConfigEntry | None) -> None:
    """Chains must be walkable, gateways speak the protocol of their services, permissions need HTTP."""
    if kind == Mesh.kind:
        return
    overrides: Overrides = {entry_key(kind, name): new}
    if kind == ExportedServices.kind:
        for service in sorted(_exported(db, overrides)) if new is not None else ():
            _check_export(db, service, overrides)
        return
    if new is None and kind in (ServiceIntentions.kind, IngressGateway.kind):
        return
    if new is not None and not name:
        unindexed = "failed inserting config entry: object missing primary index"
        raise InternalError(unindexed if kind == IngressGateway.kind else "serviceName is required")
    touched = _touched(db, kind, name, new)
    for gateway in touched.gateways:
        touched.chains.update(dict.fromkeys(gateway.related()))
    touched.chains.update(dict.fromkeys(entry.Name for entry in touched.intentions))
    exported = _exported(db, overrides)
    walked: dict[str, Chain] = {}
    for service in touched.chains:
        walked[service] = chain_of(db, service, overrides)
        if service in exported:
            _check_export(db, service, overrides)
            _refuse_new_targets(db, walked[service])
    for gateway in touched.gateways:
        _check_gateway(gateway, walked, strict=kind == IngressGateway.kind)
    for entry in touched.intentions:
        if entry.Name != WILDCARD and entry.has_permissions and walked[entry.Name].protocol not in HTTP_LIKE:
            protocol = quote(walked[entry.Name].protocol)
            raise InternalError(
                f"service {quote(entry.Name)} has protocol {protocol}, "
                "which is incompatible with L7 intentions permissions"
            )


def _touched(db: Store, kind: str, name: str, new: ConfigEntry | None) -> _Touched:
    if isinstance(new, ServiceIntentions):
        return _Touched(intentions=[new])
    if isinstance(new, IngressGateway):
        return _Touched(gateways=[new])
    found = _Touched(intentions=entries_of(db, ServiceIntentions))
    if kind == ProxyDefaults.kind:
        found.gateways = entries_of(db, IngressGateway)
        for graph_kind in _GRAPH_KINDS:
            found.chains.update(dict.fromkeys(entry.name for entry in entries_of(db, graph_kind)))
        return found
    found.chains[name] = None
    for entry in linking(db, name):
        if isinstance(entry, IngressGateway):
            found.gateways.append(entry)
        else:
            found.chains[entry.name] = None
    return found


def _check_gateway(gateway: IngressGateway, walked: dict[str, Chain], *, strict: bool) -> None:
    for listener in gateway.Listeners or ():
        for service in listener.Services or ():
            if service.Name == WILDCARD or walked[service.Name].protocol == listener.Protocol:
                continue
            chain = walked[service.Name]
            if strict or listener.Protocol != "tcp" or chain.head != "resolver":
                raise InternalError(
                    f"service {quote(service.Name)} has protocol {quote(chain.protocol)}, "
                    f"which does not match defined listener protocol {quote(listener.Protocol)}"
                )


# Services that peers use


def _exported(db: Store, overrides: Overrides) -> set[str]:
    """The services that some peer may use; a wildcard stands for those that have routers, splitters or resolvers.

    And, as in Consul, for the name of whatever is being written: not for that of what is being deleted.
    """
    entry = entry_of(db, ExportedServices, "default", overrides)
    services = entry.Services or () if entry else ()
    named = {one.Name for one in services if any(consumer.Peer for consumer in one.Consumers or ())}
    if WILDCARD in named:
        for kind in _GRAPH_KINDS:
            named.update(one.name for one in entries_of(db, kind))
        for (_, name), new in overrides.items():
            named = named | {new.name} if new else {one for one in named if one.lower() != name}
    return named - {WILDCARD}


def _check_export(db: Store, service: str, overrides: Overrides) -> None:
    """A chain that a peer enters may not leave the datacenter again."""
    begin = f"peer exported service {quote(service)} contains"
    for resolver in _resolvers_behind(db, service, overrides):
        if resolver.Redirect and resolver.Redirect.Datacenter:
            raise InternalError(f"{begin} cross-datacenter resolver redirect")
        if resolver.Redirect and resolver.Redirect.Peer:
            raise InternalError(f"{begin} cross-peer resolver redirect")
        for failover in (resolver.Failover or {}).values():
            if failover.Datacenters or any(one.Datacenter for one in failover.Targets or ()):
                raise InternalError(f"{begin} cross-datacenter failover")


def _resolvers_behind(db: Store, service: str, overrides: Overrides) -> list[ServiceResolver]:
    """All resolvers that a chain may ever come by: those behind redirects and failovers of others, too."""
    router = entry_of(db, ServiceRouter, service, overrides)
    split: set[str] = set()
    todo = router.related() if router else [service]
    while todo:
        name = todo.pop()
        if name not in split:
            split.add(name)
            splitter = entry_of(db, ServiceSplitter, name, overrides)
            todo += splitter.related() if splitter else ()
    found: dict[str, ServiceResolver | None] = {}
    todo = sorted(split)
    while todo:
        name = todo.pop()
        if name not in found:
            resolver = found[name] = entry_of(db, ServiceResolver, name, overrides)
            todo += resolver.related() if resolver else ()
    return [one for one in found.values() if one]


def _refuse_new_targets(db: Store, chain: Chain) -> None:
    """Without HTTP, a peer's proxy knows the names in certificates beforehand: no new ones may come.

    Who steps in when nobody else is there is known to the gateway alone, and may be anybody.
    """
    if chain.protocol in HTTP_LIKE:
        return
    before = _certified(chain_of(db, chain.service))
    for whose, target in _certified(chain).items():
        if whose not in before:
            raise InternalError(
                f"peer exported service {quote(chain.service)} uses protocol={quote(chain.protocol)} "
                f"and cannot introduce new discovery chain targets like {quote(target)}"
            )


def _certified(chain: Chain) -> dict[tuple[str, str, str], str]:
    """Whose certificates a caller may meet, each with a target that has one."""
    targets = sorted(chain.targets, key=lambda one: one.id)
    return {(one.service, one.datacenter, one.peer): one.id for one in targets if one.id not in chain.failovers}
