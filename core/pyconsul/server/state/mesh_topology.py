"""Which service talks to which, as proxy registrations declare it."""

from pyconsul.memdb import Index, Store, Table, WatchSet
from pyconsul.server.state.catalog_tables import row_key
from pyconsul.server.state.indexes import max_index, raise_index
from pyconsul.structs.catalog import KIND_CONNECT_PROXY, NodeService
from pyconsul.structs.wire import WireStruct, changed

INDEX = "mesh-topology"


class MeshLink(WireStruct, frozen=True, kw_only=True):
    """``Downstream`` calls ``Upstream``; ``Refs`` are the proxy instances that say so. Rebuilt on restore."""

    Upstream: str = ""
    Downstream: str = ""
    Refs: frozenset[str] = frozenset()
    CreateIndex: int = 0
    ModifyIndex: int = 0


MESH_TOPOLOGY: Table[MeshLink] = Table(
    name="mesh-topology",
    primary=lambda m: f"{m.Upstream}\0{m.Downstream}".lower(),
    indexes={
        "upstream": Index(lambda m: (m.Upstream.lower(),)),
        "downstream": Index(lambda m: (m.Downstream.lower(),)),
    },
)


def link(db: Store, index: int, node: str, service: NodeService, old: NodeService | None) -> None:
    """Note the upstreams of an instance, and forget those that only its earlier registration had."""
    downstream = service.Proxy.DestinationServiceName or ""
    ref = row_key(service.PeerName, node, service.ID)
    named: set[str] = set()
    for upstream in service.Proxy.Upstreams or ():
        if upstream.DestinationType == "prepared_query":
            continue
        name = upstream.DestinationName
        key = f"{name}\0{downstream}".lower()
        named.add(key)
        row = db.get(MESH_TOPOLOGY, key)
        if row is None:
            row = MeshLink(Upstream=name, Downstream=downstream, CreateIndex=index, ModifyIndex=index)
        elif ref in row.Refs:
            continue
        db.put(MESH_TOPOLOGY, changed(row, Refs=row.Refs | {ref}, ModifyIndex=index))
        raise_index(db, index, INDEX)
    for upstream in (old.Proxy.Upstreams or ()) if old else ():
        key = f"{upstream.DestinationName}\0{old.Proxy.DestinationServiceName or ''}".lower() if old else ""
        if key not in named:
            _forget(db, index, key, ref)


def unlink(db: Store, index: int, node: str, service: NodeService) -> None:
    """Forget what a proxy instance that goes away declared."""
    if service.PeerName or service.Kind != KIND_CONNECT_PROXY:
        return
    ref = row_key("", node, service.ID)
    for row in db.where(MESH_TOPOLOGY, "downstream", (service.Proxy.DestinationServiceName or "").lower()):
        _forget(db, index, MESH_TOPOLOGY.primary(row), ref)


def _forget(db: Store, index: int, key: str, ref: str) -> None:
    row = db.get(MESH_TOPOLOGY, key)
    if row is None or ref not in row.Refs:
        return
    if others := row.Refs - {ref}:
        db.put(MESH_TOPOLOGY, changed(row, Refs=others))
    else:
        db.delete(MESH_TOPOLOGY, key)
        raise_index(db, index, INDEX)


def upstreams_of(db: Store, service: str, ws: WatchSet | None = None) -> tuple[int, list[str]]:
    """The table's index, and the services that this one's proxies call."""
    rows = db.where(MESH_TOPOLOGY, "downstream", service.lower(), ws)
    return max_index(db, INDEX, ws=ws and ws.quiet), [row.Upstream for row in rows]


def downstreams_of(db: Store, service: str, ws: WatchSet | None = None) -> tuple[int, list[str]]:
    """The table's index, and the services whose proxies call this one."""
    rows = db.where(MESH_TOPOLOGY, "upstream", service.lower(), ws)
    return max_index(db, INDEX, ws=ws and ws.quiet), [row.Downstream for row in rows]
