"""The neighbourhood of a service in the mesh: who it calls, who calls it, and why that is known.

Without intentions every call is allowed by default, which also makes neighbours of services whose proxies are
transparent. Rules: ``spec/ui.md``.
"""

from dataclasses import dataclass, field

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.state import catalog_reads as reads
from pyconsul.server.state import mesh_topology
from pyconsul.server.state.indexes import max_index
from pyconsul.server.state.virtual_ips import SERVICE_VIRTUAL_IPS
from pyconsul.structs.catalog import (
    CONSUL_SERVICE_NAME,
    KIND_API_GATEWAY,
    KIND_CONNECT_PROXY,
    KIND_INGRESS_GATEWAY,
    KIND_TYPICAL,
    CheckServiceNode,
)
from pyconsul.structs.errors import InternalError
from pyconsul.structs.internal import IntentionDecisionSummary, ServiceTopology

REGISTRATION = "proxy-registration"
DEFAULT_ALLOW = "default-allow"
TRANSPARENT = "transparent"
DEFAULT_PROTOCOL = "tcp"
_ALLOWED = IntentionDecisionSummary(Allowed=True, DefaultAllow=True)


@dataclass(slots=True)
class _Neighbours:
    """Names found so far with the reason for each, and the index of what was read."""

    index: int = 0
    sources: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, index: int, names: list[str], source: str) -> None:
        self.index = max(self.index, index)
        for name in names:
            self.sources.setdefault(name, source)


def service_topology(db: Store, service: str, kind: str, ws: WatchSet | None = None) -> tuple[int, ServiceTopology]:
    """The neighbours of a service. Raises InternalError for a kind that has none."""
    if kind not in (KIND_TYPICAL, KIND_INGRESS_GATEWAY, KIND_API_GATEWAY):
        raise InternalError(f'unsupported kind "{kind}"')
    index = max_index(db, "config-entries", ws=ws)
    modes: list[str] = []
    native = False
    if kind == KIND_TYPICAL:
        at, proxies = reads.connect_service_nodes(db, service, ws=ws)
        index = max(index, at)
        modes = [proxy.ServiceProxy.Mode for proxy in proxies]
        native = any(proxy.ServiceConnect.Native for proxy in proxies)
    up = _upstreams(db, service, guess=TRANSPARENT in modes or native, ws=ws)
    down = _downstreams(db, service, ws)
    up_at, upstreams = reads.combined_service_nodes(db, up.sources, ws)
    down_at, downstreams = reads.combined_service_nodes(db, down.sources, ws)
    downstreams = _certain(downstreams, down)
    topology = ServiceTopology(
        Upstreams=upstreams or None,
        Downstreams=downstreams or None,
        UpstreamDecisions=dict.fromkeys(up.sources, _ALLOWED),
        DownstreamDecisions=dict.fromkeys(down.sources, _ALLOWED),
        MetricsProtocol=DEFAULT_PROTOCOL if kind == KIND_TYPICAL else "",
        TransparentProxy=bool(modes) and all(mode == TRANSPARENT for mode in modes),
        UpstreamSources=up.sources,
        DownstreamSources=down.sources,
    )
    return max(index, up.index, down.index, up_at, down_at), topology


def _upstreams(db: Store, service: str, *, guess: bool, ws: WatchSet | None) -> _Neighbours:
    found = _Neighbours()
    found.add(*mesh_topology.upstreams_of(db, service, ws), REGISTRATION)
    if guess:
        index, names = reads.service_names_of_kind(db, KIND_TYPICAL, ws)
        virtual = [row.Service.ServiceName.Name for row in db.all(SERVICE_VIRTUAL_IPS, ws)]
        index = max(index, max_index(db, "service-virtual-ips", ws=ws))
        found.add(index, _others(service, [*names, *virtual]), DEFAULT_ALLOW)
    return found


def _downstreams(db: Store, service: str, ws: WatchSet | None) -> _Neighbours:
    found = _Neighbours()
    found.add(*mesh_topology.downstreams_of(db, service, ws), REGISTRATION)
    for kind in (KIND_TYPICAL, KIND_INGRESS_GATEWAY):
        index, names = reads.service_names_of_kind(db, kind, ws)
        found.add(index, _others(service, names), DEFAULT_ALLOW)
    return found


def _others(service: str, names: list[str]) -> list[str]:
    return [name for name in names if name not in (CONSUL_SERVICE_NAME, service)]


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
