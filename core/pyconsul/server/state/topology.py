"""The neighbourhood of a service in the mesh: who it calls, who calls it, and why that is known.

Neighbours come from registrations, from chains that lead to a service, and, where proxies are transparent, from what
intentions allow. Rules: ``spec/ui.md``.
"""

import msgspec

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.state import catalog_reads as reads
from pyconsul.server.state import mesh_topology
from pyconsul.server.state.config_entry_graph import chain_of
from pyconsul.server.state.config_entry_reads import entries_index, entry_named, entry_of, linking, protocol_of
from pyconsul.server.state.indexes import max_index
from pyconsul.server.state.intentions import decide, matching
from pyconsul.server.state.virtual_ips import SERVICE_VIRTUAL_IPS
from pyconsul.structs.catalog import (
    CONSUL_SERVICE_NAME,
    KIND_API_GATEWAY,
    KIND_CONNECT_PROXY,
    KIND_INGRESS_GATEWAY,
    KIND_TYPICAL,
    CheckServiceNode,
)
from pyconsul.structs.config_entries.api_gateway import APIGateway
from pyconsul.structs.config_entries.bound_api_gateway import BoundAPIGateway
from pyconsul.structs.config_entries.entry import HTTP_LIKE
from pyconsul.structs.config_entries.ingress_gateway import IngressGateway
from pyconsul.structs.errors import InternalError
from pyconsul.structs.intentions import BY_DESTINATION, BY_SOURCE, Intention
from pyconsul.structs.internal import IntentionDecisionSummary, ServiceTopology

REGISTRATION = "proxy-registration"
DEFAULT_ALLOW = "default-allow"
WILDCARD_INTENTION = "wildcard-intention"
SPECIFIC_INTENTION = "specific-intention"
ROUTING = "routing-config"
TRANSPARENT = "transparent"
_GRAPH_KINDS = ("service-router", "service-splitter", "service-resolver")


class _Neighbours(msgspec.Struct):
    """Names found so far with the reason for each, and the index of what was read.

    ``intentions`` are those of the service in the middle; ``match_type`` is the neighbour's side of them.
    """

    intentions: list[Intention]
    match_type: str
    default_allow: bool
    index: int = 0
    sources: dict[str, str] = msgspec.field(default_factory=dict[str, str])

    def add(self, index: int, names: list[str]) -> None:
        """Names that registrations or config entries give."""
        self.index = max(self.index, index)
        for name in names:
            self.sources.setdefault(name, REGISTRATION)

    def guess(self, index: int, names: list[str], service: str) -> None:
        """Names that may be neighbours if intentions let them."""
        self.index = max(self.index, index)
        for name in names:
            if name in (CONSUL_SERVICE_NAME, service) or name in self.sources:
                continue
            decision = self.decision(name, permissions=True)
            if decision.Allowed:
                self.sources[name] = _reason(decision)

    def decision(self, name: str, *, permissions: bool = False) -> IntentionDecisionSummary:
        """Whether the call is allowed; one that depends on its requests is, with ``permissions``."""
        return decide(
            self.intentions, name, self.match_type, default_allow=self.default_allow, allow_permissions=permissions
        )

    def decisions(self) -> dict[str, IntentionDecisionSummary]:
        """The decision for each neighbour."""
        return {name: self.decision(name) for name in self.sources}


def _reason(decision: IntentionDecisionSummary) -> str:
    if decision.HasExact:
        return SPECIFIC_INTENTION
    return DEFAULT_ALLOW if decision.DefaultAllow else WILDCARD_INTENTION


def service_topology(
    db: Store, service: str, kind: str, ws: WatchSet | None = None, *, default_allow: bool = True
) -> tuple[int, ServiceTopology]:
    """The neighbours of a service; ``default_allow`` counts where no intention does.

    Raises InternalError for a kind that has none.
    """
    if kind not in (KIND_TYPICAL, KIND_INGRESS_GATEWAY, KIND_API_GATEWAY):
        raise InternalError(f'unsupported kind "{kind}"')
    index = entries_index(db, ws)
    modes: list[str] = []
    native = False
    if kind == KIND_TYPICAL:
        at, proxies = reads.connect_service_nodes(db, service, ws=ws)
        index = max(index, at)
        modes = [proxy.ServiceProxy.Mode for proxy in proxies]
        native = any(proxy.ServiceConnect.Native for proxy in proxies)
    up = _Neighbours(matching(db, service, BY_SOURCE, ws), BY_DESTINATION, default_allow)
    guess = TRANSPARENT in modes or native
    _find_upstreams(db, up, service, kind, guess=guess, ws=ws)
    down = _Neighbours(matching(db, service, BY_DESTINATION, ws), BY_SOURCE, default_allow)
    _find_downstreams(db, down, service, ws)
    up_at, upstreams = reads.combined_service_nodes(db, up.sources, ws)
    if not guess:  # Consul finds instances in any letter case, and keeps those in the case of the registration
        upstreams = [one for one in upstreams if _speaks_for(one) in up.sources]
    _note_routing(db, up, upstreams, ws)
    down_at, downstreams = reads.combined_service_nodes(db, down.sources, ws)
    downstreams = _certain(downstreams, down)
    topology = ServiceTopology(
        Upstreams=upstreams or None,
        Downstreams=downstreams or None,
        UpstreamDecisions=up.decisions(),
        DownstreamDecisions=down.decisions(),
        MetricsProtocol=_metrics_protocol(db, service, kind, ws),
        TransparentProxy=bool(modes) and all(mode == TRANSPARENT for mode in modes),
        UpstreamSources=up.sources,
        DownstreamSources=down.sources,
    )
    return max(index, up.index, down.index, up_at, down_at), topology


def _find_upstreams(
    db: Store, found: _Neighbours, service: str, kind: str, *, guess: bool, ws: WatchSet | None
) -> None:
    found.add(*mesh_topology.upstreams_of(db, service, ws))
    if kind == KIND_API_GATEWAY:
        bound = entry_of(db, BoundAPIGateway, service, ws=ws)
        if bound is None:
            raise InternalError("not an APIGateway")
        found.add(0, sorted(bound.Services or ()))
    if guess:
        index, names = reads.service_names_of_kind(db, KIND_TYPICAL, ws)
        virtual = [row.Service.ServiceName.Name for row in db.all(SERVICE_VIRTUAL_IPS, ws)]
        index = max(index, max_index(db, "service-virtual-ips", ws=ws and ws.quiet))
        found.guess(index, [*names, *virtual], service)


def _find_downstreams(db: Store, found: _Neighbours, service: str, ws: WatchSet | None) -> None:
    for source in _chain_sources(db, service, ws):
        found.add(*mesh_topology.downstreams_of(db, source, ws))
    for kind in (KIND_TYPICAL, KIND_INGRESS_GATEWAY):
        found.guess(*reads.service_names_of_kind(db, kind, ws), service)


def _chain_sources(db: Store, service: str, ws: WatchSet | None) -> list[str]:
    """The services whose chains may end at this one, itself first unless its own chain leads away."""
    seen = [service]
    for name in seen:  # grows while it is walked
        seen += [entry.name for entry in linking(db, name, ws) if entry.name not in seen]
    return [name for name in seen if any(target.service == service for target in chain_of(db, name).targets)]


def _note_routing(db: Store, up: _Neighbours, upstreams: list[CheckServiceNode], ws: WatchSet | None) -> None:
    """Upstreams without instances that routers, splitters or resolvers stand for."""
    there = {one.Service.Service for one in upstreams if one.Service is not None}
    for name in up.sources:
        if name not in there and any(entry_named(db, kind, name, ws) is not None for kind in _GRAPH_KINDS):
            up.sources[name] = ROUTING


def _metrics_protocol(db: Store, service: str, kind: str, ws: WatchSet | None) -> str:
    """The protocol by which metrics are asked for; a gateway speaks HTTP if all of its listeners do."""
    if kind == KIND_TYPICAL:
        return protocol_of(db, service, ws=ws)
    entry = entry_named(db, APIGateway.kind if kind == KIND_API_GATEWAY else IngressGateway.kind, service, ws)
    if not isinstance(entry, APIGateway | IngressGateway):
        return ""
    protocols = [listener.Protocol for listener in entry.Listeners or ()]
    return "http" if protocols and all(protocol in HTTP_LIKE for protocol in protocols) else "tcp"


def _certain(found: list[CheckServiceNode], down: _Neighbours) -> list[CheckServiceNode]:
    """Downstreams that say so, or whose transparent or native instances could call without saying so."""
    able: set[str] = set()
    for one in found:
        if one.Service is not None and (one.Service.Proxy.Mode == TRANSPARENT or one.Service.Connect.Native):
            able.add(_speaks_for(one))
    kept: list[CheckServiceNode] = []
    for one in found:
        name = _speaks_for(one)
        if name in able or down.sources.get(name) == REGISTRATION:
            kept.append(one)
        else:
            down.sources.pop(name, None)
    return kept


def _speaks_for(one: CheckServiceNode) -> str:
    if one.Service is None:
        return ""
    if one.Service.Kind == KIND_CONNECT_PROXY:
        return one.Service.Proxy.DestinationServiceName or ""
    return one.Service.Service
