"""Readers of the catalog: each returns the index that the answer has, and the answer.

Every reader registers in its watch set all that it looked at, so that a kept answer is dropped when it goes stale.
The index rules are those of ``wire/blocking.md`` section 2.
"""

from collections.abc import Iterable, Mapping, Sequence

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.state.catalog_tables import (
    CHECKS,
    KIND_SERVICE_NAMES,
    MISSING_NODE,
    NODES,
    SERVICES,
    ServiceRow,
    index_name,
    kind_names_index,
    row_key,
)
from pyconsul.server.state.gateway_services import gateways_of_service
from pyconsul.server.state.indexes import has_index, max_index
from pyconsul.structs.catalog import (
    KIND_INGRESS_GATEWAY,
    KIND_TERMINATING_GATEWAY,
    CheckServiceNode,
    HealthFilter,
    Node,
    NodeService,
    ServiceNode,
    Weights,
)
from pyconsul.structs.errors import InternalError
from pyconsul.structs.health import ANY, CRITICAL, PASSING, HealthCheck
from pyconsul.structs.wire import omit

_HEX = frozenset("0123456789abcdef")


def _index(db: Store, *names: str, ws: WatchSet | None) -> int:
    """The largest of these indexes. That one moved is no news to those who wait: Consul watches the rows alone."""
    return max_index(db, *names, ws=ws and ws.quiet)


def nodes_index(db: Store, peer: str = "", ws: WatchSet | None = None) -> int:
    """The index of the node table."""
    return _index(db, index_name(peer, "nodes"), ws=ws)


def services_index(db: Store, peer: str = "", ws: WatchSet | None = None) -> int:
    """The index of the service table."""
    return _index(db, index_name(peer, "services"), ws=ws)


def checks_index(db: Store, peer: str = "", ws: WatchSet | None = None) -> int:
    """The index of the check table."""
    return _index(db, index_name(peer, "checks"), ws=ws)


def catalog_index(db: Store, peer: str = "", ws: WatchSet | None = None, *, checks: bool = True) -> int:
    """The largest index of nodes, services and (unless told not to) checks."""
    names = [index_name(peer, "services"), index_name(peer, "nodes")]
    if checks:
        names.append(index_name(peer, "checks"))
    return _index(db, *names, ws=ws)


def service_index(
    db: Store, service: str, *, exists: bool, checks: bool, peer: str = "", ws: WatchSet | None = None
) -> int:
    """The index of one service; without instances that of the last service that went away, so it never goes back."""
    if not exists:
        gone = index_name(peer, "service_last_extinction")
        if has_index(db, gone, ws and ws.quiet):
            return max_index(db, gone)
    name = index_name(peer, f"service.{service}")
    if has_index(db, name, ws and ws.quiet):
        return max_index(db, name)
    return catalog_index(db, peer, ws, checks=checks)


# Nodes


def satisfies(meta: Mapping[str, str] | None, wanted: Mapping[str, str] | None) -> bool:
    """Whether the metadata has all wanted pairs."""
    if not wanted:
        return True
    return meta is not None and all(meta.get(key) == value for key, value in wanted.items())


def nodes(
    db: Store, wanted: Mapping[str, str] | None = None, peer: str = "", ws: WatchSet | None = None
) -> tuple[int, list[Node]]:
    """Nodes by name, those with the wanted metadata.

    The latter watch the nodes with the first wanted pair alone, but all nodes while there is none, as Consul does.
    """
    if not wanted:
        return nodes_index(db, peer, ws), db.prefix(NODES, row_key(peer, ""), ws)
    key, value = next(iter(wanted.items()))
    found = db.where(NODES, "meta", row_key(peer, key, value), ws)
    if not found:
        db.prefix(NODES, row_key(peer, ""), ws)
    return nodes_index(db, peer, ws), [n for n in found if satisfies(n.Meta, wanted)]


def node_by_name_or_id(db: Store, name: str, peer: str = "", ws: WatchSet | None = None) -> tuple[int, Node | None]:
    """The node with that name, or the only one whose ID begins so; the index to answer with when there is none."""
    node = db.get(NODES, row_key(peer, name), ws)
    if node is not None:
        return 0, node
    if len(name) < 2:
        return 0, None
    gone = _index(db, index_name(peer, "node_last_extinction"), ws=ws)
    # IDs are compared by whole bytes: an odd digit at the end does not count.
    prefix = name[: len(name) - len(name) % 2].lower()
    digits = prefix.replace("-", "")
    if len(prefix) > 36 or prefix.count("-") > 4 or len(digits) % 2 or not _HEX.issuperset(digits):
        return gone, None
    found = [n for n in db.prefix(NODES, row_key(peer, ""), ws) if _id_begins(n.ID, digits)]
    if len(found) > 1:
        return 0, None  # an ambiguous prefix finds nothing
    return (0, found[0]) if found else (gone, None)


def _id_begins(node_id: str, digits: str) -> bool:
    return bool(node_id) and node_id.lower().replace("-", "").startswith(digits)


def services_of_node(
    db: Store, name: str, peer: str = "", ws: WatchSet | None = None
) -> tuple[int, Node | None, list[NodeService]]:
    """A node (by name or ID prefix) and its instances by ID."""
    gone, node = node_by_name_or_id(db, name, peer, ws)
    if node is None:
        return gone, None, []
    rows = db.where(SERVICES, "node", row_key(peer, node.Node), ws)
    index = _index(db, index_name(peer, f"node.{node.Node}"), ws=ws)
    return index, node, [row.Service for row in rows]


# Services


def service_names(db: Store, peer: str = "", ws: WatchSet | None = None) -> tuple[int, list[str]]:
    """The names of all services."""
    rows = db.prefix(SERVICES, row_key(peer, ""), ws)
    return services_index(db, peer, ws), list(dict.fromkeys(row.Service.Service for row in rows))


def all_service_rows(
    db: Store, wanted: Mapping[str, str] | None = None, peer: str = "", ws: WatchSet | None = None
) -> tuple[int, list[ServiceRow]]:
    """All instances, or those on nodes with the wanted metadata."""
    index = services_index(db, peer, ws)
    if not wanted:
        return index, db.prefix(SERVICES, row_key(peer, ""), ws)
    nodes_at, found = nodes(db, wanted, peer, ws)
    rows = [row for node in found for row in db.where(SERVICES, "node", row_key(peer, node.Node), ws)]
    return max(index, nodes_at), rows


def tags_by_name(services: Iterable[tuple[str, Sequence[str] | None]]) -> dict[str, list[str]]:
    """Service names with the union of their instances' tags."""
    names: dict[str, dict[str, None]] = {}
    for name, tags in services:
        known = names.setdefault(name, {})
        for tag in tags or ():
            known[tag] = None
    return {name: list(tags) for name, tags in names.items()}


def with_nodes(db: Store, rows: Iterable[ServiceRow], ws: WatchSet | None = None) -> list[ServiceNode]:
    """Instances in the flat form, with what their nodes say."""
    flat: list[ServiceNode] = []
    for row in rows:
        node = db.get(NODES, row.NodeKey, ws)
        if node is not None:
            flat.append(flat_service(row, node))
    return flat


def flat_service(row: ServiceRow, node: Node) -> ServiceNode:
    """One instance in the flat form; tags and metadata are never null there."""
    service = row.Service
    return ServiceNode(
        ID=node.ID,
        Node=row.Node,
        Address=node.Address,
        Datacenter=node.Datacenter,
        TaggedAddresses=node.TaggedAddresses,
        NodeMeta=node.Meta,
        ServiceKind=service.Kind or "",
        ServiceID=service.ID,
        ServiceName=service.Service,
        ServiceTags=service.Tags or [],
        ServiceAddress=service.Address,
        ServiceTaggedAddresses=omit(service.TaggedAddresses),
        ServiceWeights=service.Weights or Weights(Passing=1, Warning=1),
        ServiceMeta=service.Meta or {},
        ServicePort=service.Port or 0,
        ServiceSocketPath=service.SocketPath or "",
        ServiceEnableTagOverride=service.EnableTagOverride,
        ServiceProxy=service.Proxy,
        ServiceConnect=service.Connect,
        ServiceLocality=service.Locality or None,
        PeerName=omit(service.PeerName),
        CreateIndex=service.CreateIndex,
        ModifyIndex=service.ModifyIndex,
    )


def has_tags(service: NodeService, tags: Iterable[str]) -> bool:
    """Whether the instance has all these tags, in any letter case."""
    own = {tag.lower() for tag in service.Tags or ()}
    return all(tag.lower() in own for tag in tags)


def service_nodes(
    db: Store, service: str, tags: Sequence[str] = (), peer: str = "", ws: WatchSet | None = None
) -> tuple[int, list[ServiceNode]]:
    """The instances of a service that have all the tags, by node and ID."""
    rows = db.where(SERVICES, "name", row_key(peer, service), ws)
    if not rows:  # where there is nothing to watch, Consul watches all there is
        max_index(db, index_name(peer, "services"), ws=ws)
    index = service_index(db, service, exists=bool(rows), checks=False, peer=peer, ws=ws)
    return index, with_nodes(db, [row for row in rows if has_tags(row.Service, tags)], ws)


def connect_service_nodes(
    db: Store, service: str, peer: str = "", ws: WatchSet | None = None
) -> tuple[int, list[ServiceNode]]:
    """The proxies and native instances that speak for a service in the mesh."""
    rows = db.where(SERVICES, "connect", row_key(peer, service), ws)
    mapped_at, gateways = _gateway_rows(db, service, KIND_TERMINATING_GATEWAY, ws) if not peer else (0, [])
    rows += gateways
    index = service_index(db, service, exists=bool(rows), checks=False, peer=peer, ws=ws)
    return max(index, mapped_at), with_nodes(db, rows, ws)


def service_nodes_at_address(db: Store, address: str, peer: str = "", ws: WatchSet | None = None) -> list[ServiceNode]:
    """The instances with this address, their own or a tagged one."""
    rows = db.prefix(SERVICES, row_key(peer, ""), ws)
    return with_nodes(db, [row for row in rows if _is_at(row.Service, address)], ws)


def _is_at(service: NodeService, address: str) -> bool:
    tagged = service.TaggedAddresses or {}
    return service.Address == address or any(one.Address == address for one in tagged.values())


# Instances with checks


def with_checks(db: Store, rows: Iterable[ServiceRow], ws: WatchSet | None = None) -> list[CheckServiceNode]:
    """Instances with their nodes and checks: those of the node first. Raises InternalError for a lost node."""
    of_node: dict[str, tuple[Node, list[HealthCheck]]] = {}
    result: list[CheckServiceNode] = []
    for row in rows:
        known = of_node.get(row.NodeKey)
        if known is None:
            node = db.get(NODES, row.NodeKey, ws)
            if node is None:
                raise InternalError(MISSING_NODE)
            known = of_node[row.NodeKey] = (node, db.where(CHECKS, "node_service", f"{row.NodeKey}\0", ws))
        node, node_checks = known
        checks = [*node_checks, *db.where(CHECKS, "node_service", row.Key, ws)]
        result.append(CheckServiceNode(Node=node, Service=row.Service, Checks=checks or None))
    return result


def check_service_nodes(
    db: Store, service: str, tags: Sequence[str] | None = None, peer: str = "", ws: WatchSet | None = None
) -> tuple[int, list[CheckServiceNode]]:
    """The instances of a service (with all the tags) and their health."""
    rows = db.where(SERVICES, "name", row_key(peer, service), ws)
    index = service_index(db, service, exists=bool(rows), checks=True, peer=peer, ws=ws)
    if tags:
        rows = [row for row in rows if has_tags(row.Service, tags)]
    return index, with_checks(db, rows, ws)


def check_connect_service_nodes(
    db: Store, service: str, peer: str = "", ws: WatchSet | None = None
) -> tuple[int, list[CheckServiceNode]]:
    """The proxies and native instances that speak for a service in the mesh, and their health."""
    rows = db.where(SERVICES, "connect", row_key(peer, service), ws)
    mapped_at, gateways = _gateway_rows(db, service, KIND_TERMINATING_GATEWAY, ws) if not peer else (0, [])
    rows += gateways
    names = {row.Service.Service for row in rows}
    # Proxies have names of their own, and checks that raise the indexes of these alone.
    if names:
        index = max(service_index(db, n, exists=True, checks=True, peer=peer, ws=ws) for n in sorted(names))
    else:
        index = service_index(db, service, exists=False, checks=True, peer=peer, ws=ws)
    return max(index, mapped_at), with_checks(db, rows, ws)


def check_ingress_service_nodes(
    db: Store, service: str, ws: WatchSet | None = None
) -> tuple[int, list[CheckServiceNode]]:
    """The ingress gateways that lead to a service, by one listener or several, and their health."""
    index, rows = _gateway_rows(db, service, KIND_INGRESS_GATEWAY, ws)
    return index, with_checks(db, {row.Key: row for row in rows}.values(), ws)


def _gateway_rows(db: Store, service: str, kind: str, ws: WatchSet | None) -> tuple[int, list[ServiceRow]]:
    """Instances of the gateways of one kind that stand in front of a service, with the index of that fact."""
    index = 0
    rows: list[ServiceRow] = []
    for mapping in gateways_of_service(db, service, kind, ws):
        found = db.where(SERVICES, "name", row_key("", mapping.Gateway.Name), ws)
        at = service_index(db, mapping.Gateway.Name, exists=bool(found), checks=False, ws=ws)
        index = max(index, mapping.ModifyIndex, at)
        rows += found
    return index, rows


def service_gateways(
    db: Store, service: str, kind: str, ws: WatchSet | None = None
) -> tuple[int, list[CheckServiceNode]]:
    """The gateways of one kind in front of a service, and their health."""
    index, rows = _gateway_rows(db, service, kind, ws)
    return index, with_checks(db, rows, ws)


def combined_service_nodes(
    db: Store, services: Iterable[str], ws: WatchSet | None = None
) -> tuple[int, list[CheckServiceNode]]:
    """Plain and mesh instances of several services, each instance once."""
    index = 0
    found: dict[tuple[str, str], CheckServiceNode] = {}
    for service in services:
        for at, instances in (
            check_service_nodes(db, service, ws=ws),
            check_connect_service_nodes(db, service, ws=ws),
        ):
            index = max(index, at)
            for one in instances:
                if one.Node is not None and one.Service is not None:
                    found[one.Node.Node, one.Service.ID] = one
    return index, list(found.values())


def service_names_of_kind(db: Store, kind: str, ws: WatchSet | None = None) -> tuple[int, list[str]]:
    """The names in use with a kind of instance."""
    names = [row.Service for row in db.where(KIND_SERVICE_NAMES, "kind", kind.lower(), ws)]
    return kind_names_index(db, kind, ws), names


def all_check_service_nodes(
    db: Store, peer: str = "", ws: WatchSet | None = None
) -> tuple[int, list[CheckServiceNode]]:
    """Every instance with its health."""
    rows = db.prefix(SERVICES, row_key(peer, ""), ws)
    return catalog_index(db, "", ws), with_checks(db, rows, ws)


def check_service_nodes_of_kind(
    db: Store, kind: str, peer: str = "", ws: WatchSet | None = None
) -> tuple[int, list[CheckServiceNode]]:
    """Every instance of one kind with its health."""
    rows = db.where(SERVICES, "kind", row_key(peer, kind), ws)
    return _index(db, index_name(peer, f"service_kind.{kind or 'typical'}"), ws=ws), with_checks(db, rows, ws)


def keep_healthy(found: list[CheckServiceNode], how: HealthFilter) -> list[CheckServiceNode]:
    """Leave out what ``how`` excludes. What is left out is replaced by the last one, as Consul does it in place."""
    if how is HealthFilter.INCLUDE_ALL:
        return found
    kept = list(found)
    at = 0
    while at < len(kept):
        if _excluded(kept[at], how):
            last = kept.pop()
            if at < len(kept):
                kept[at] = last
        else:
            at += 1
    return kept


def _excluded(one: CheckServiceNode, how: HealthFilter) -> bool:
    statuses = [check.Status for check in one.Checks or ()]
    if how is HealthFilter.EXCLUDE_CRITICAL:
        return CRITICAL in statuses
    return any(status != PASSING for status in statuses)


# Checks


def checks_of_node(db: Store, node: str, peer: str = "", ws: WatchSet | None = None) -> tuple[int, list[HealthCheck]]:
    """The checks of a node and of all that is on it, by ID."""
    return checks_index(db, peer, ws), db.where(CHECKS, "node", row_key(peer, node), ws)


def checks_of_service(
    db: Store, service: str, wanted: Mapping[str, str] | None = None, peer: str = "", ws: WatchSet | None = None
) -> tuple[int, list[HealthCheck]]:
    """The checks of a service's instances, those on nodes with the wanted metadata."""
    found = db.where(CHECKS, "service", row_key(peer, service), ws)
    if not wanted:
        return checks_index(db, peer, ws), found
    index = service_index(db, service, exists=True, checks=True, peer=peer, ws=ws)
    return index, _on_wanted_nodes(db, found, wanted, ws)


def checks_in_state(
    db: Store, state: str, wanted: Mapping[str, str] | None = None, peer: str = "", ws: WatchSet | None = None
) -> tuple[int, list[HealthCheck]]:
    """All checks with one status, or ``any``, those on nodes with the wanted metadata."""
    if state == ANY:
        found = db.prefix(CHECKS, row_key(peer, ""), ws)
    else:
        found = db.where(CHECKS, "status", row_key(peer, state), ws)
    index = checks_index(db, peer, ws)
    return index, _on_wanted_nodes(db, found, wanted, ws) if wanted else found


def _on_wanted_nodes(
    db: Store, checks: list[HealthCheck], wanted: Mapping[str, str], ws: WatchSet | None
) -> list[HealthCheck]:
    kept: list[HealthCheck] = []
    for check in checks:
        node = db.get(NODES, row_key(check.PeerName or "", check.Node), ws)
        if node is None:
            raise InternalError(MISSING_NODE)
        if satisfies(node.Meta, wanted):
            kept.append(check)
    return kept
