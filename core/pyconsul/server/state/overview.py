"""The whole catalog in numbers, and node by node: what the web UI shows."""

from collections.abc import Iterable

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.state.catalog_reads import catalog_index
from pyconsul.server.state.catalog_tables import CHECKS, NODES, SERVICES, row_key
from pyconsul.structs.catalog import Node
from pyconsul.structs.health import CRITICAL, PASSING, WARNING
from pyconsul.structs.internal import CatalogSummary, HealthSummary, NodeInfo
from pyconsul.structs.wire import omit

VERSION_META = "consul-version"


def node_dump(
    db: Store, name: str | None = None, peer: str = "", ws: WatchSet | None = None
) -> tuple[int, list[NodeInfo]]:
    """Every node, or the one of that name, with all that is on it."""
    index = catalog_index(db, peer, ws)
    if name is None:
        found = db.prefix(NODES, row_key(peer, ""), ws)
    else:
        node = db.get(NODES, row_key(peer, name), ws)
        found = [node] if node else []
    return index, [_info(db, node, ws) for node in found]


def _info(db: Store, node: Node, ws: WatchSet | None) -> NodeInfo:
    key = row_key(node.PeerName or "", node.Node)
    services = [row.Service for row in db.where(SERVICES, "node", key, ws)]
    meta = node.Meta
    if VERSION_META not in (meta or {}):
        for service in services:
            if service.ID == "consul" and (version := (service.Meta or {}).get("version")):
                meta = {**(meta or {}), VERSION_META: version}
    return NodeInfo(
        ID=node.ID,
        Node=node.Node,
        PeerName=node.PeerName,
        Address=node.Address,
        TaggedAddresses=node.TaggedAddresses,
        Meta=meta,
        Services=services or None,
        Checks=db.where(CHECKS, "node", key, ws) or None,
    )


def _worst(statuses: Iterable[str]) -> str:
    found = set(statuses)
    return CRITICAL if CRITICAL in found else WARNING if WARNING in found else PASSING


def _counted(name: str, statuses: list[str]) -> HealthSummary:
    return HealthSummary(
        Name=omit(name),
        Total=len(statuses),
        Passing=statuses.count(PASSING),
        Warning=statuses.count(WARNING),
        Critical=statuses.count(CRITICAL),
    )


def catalog_summary(db: Store) -> CatalogSummary:
    """Nodes, services and checks by status; an instance is as healthy as its own worst check."""
    by_check: dict[str, list[str]] = {}
    by_owner: dict[str, list[str]] = {}
    for check in db.all(CHECKS):
        by_check.setdefault(check.Name, []).append(check.Status)
        by_owner.setdefault(row_key(check.PeerName or "", check.Node, check.ServiceID), []).append(check.Status)
    by_service: dict[str, list[str]] = {}
    for row in db.all(SERVICES):
        by_service.setdefault(row.Service.Service, []).append(_worst(by_owner.get(row.Key, ())))
    nodes = [_worst(by_owner.get(row_key(n.PeerName or "", n.Node, ""), ())) for n in db.all(NODES)]
    return CatalogSummary(
        Nodes=[_counted("", nodes)] if nodes else [],
        Services=[_counted(name, by_service[name]) for name in sorted(by_service)],
        Checks=[_counted(name, by_check[name]) for name in sorted(by_check)],
    )
