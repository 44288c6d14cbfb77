"""What a token may not see, taken out of answers: one function for each kind of rows.

Each gives the rows that stay, in their order, and whether any had to go, which an answer tells as
``ResultsFilteredByACLs``. Nothing is looked at for who may see everything. The rules are those of Consul's
``agent/structs/aclfilter``; its oddities are marked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pyconsul.acl import Authorizer
from pyconsul.acl.authorizer import READ, WRITE
from pyconsul.server.state.catalog_tables import ServiceRow
from pyconsul.structs.catalog import (
    CheckServiceNode,
    Node,
    NodeService,
    ServiceNode,
)
from pyconsul.structs.coordinate import NodeCoordinate
from pyconsul.structs.health import HealthCheck
from pyconsul.structs.intentions import Intention
from pyconsul.structs.internal import GatewayService, NodeInfo, ServiceInfo, ServiceTopology
from pyconsul.structs.kv import DirEntry
from pyconsul.structs.prepared_query import REDACTED_TOKEN, PreparedQuery
from pyconsul.structs.session import Session
from pyconsul.structs.txn import TxnResult
from pyconsul.structs.wire import changed
from pyconsul.telemetry.logging import Level, logger

log = logger("agent.acl")

T = TypeVar("T")
Kept = tuple[list[T], bool]


def kept(
    rights: Authorizer, rows: list[T], sees: Callable[[T], bool], tell: Callable[[T], None] | None = None
) -> Kept[T]:
    """The rows of which ``sees`` holds, and whether there were others; ``tell`` puts each of those into the log."""
    if rights.unrestricted:
        return rows, False
    stay = [row for row in rows if sees(row)]
    went = len(stay) != len(rows)
    if went and tell is not None and log.enabled(Level.DEBUG):
        for row in rows:
            if not sees(row):
                tell(row)
    return stay, went


def _dropping(what: str, **which: object) -> None:
    log.debug(f"dropping {what} from result due to ACLs", **which)


def _tell_node(row: Node | NodeCoordinate | NodeInfo) -> None:
    _dropping("node", node=row.Node)


def _tell_service(name: str) -> None:
    _dropping("service", service=name)


def _tell_check(row: HealthCheck) -> None:
    _dropping("check", check=row.CheckID)


# Keys, sessions, coordinates


def entries(rights: Authorizer, rows: list[DirEntry]) -> Kept[DirEntry]:
    """Pairs by their keys."""
    return kept(rights, rows, lambda row: rights.allows("key", READ, row.Key))


def sessions(rights: Authorizer, rows: list[Session]) -> Kept[Session]:
    """Sessions by their nodes."""
    return kept(
        rights,
        rows,
        lambda row: rights.allows("session", READ, row.Node),
        lambda row: _dropping("session", session=row.ID),
    )


def coordinates(rights: Authorizer, rows: list[NodeCoordinate]) -> Kept[NodeCoordinate]:
    """Coordinates by their nodes."""
    return kept(rights, rows, lambda row: rights.reads_node(row.Node), _tell_node)


def txn_results(rights: Authorizer, rows: list[TxnResult]) -> Kept[TxnResult]:
    """What the operations of a transaction found or left."""
    return kept(rights, rows, lambda row: _sees_result(rights, row))


def _sees_result(rights: Authorizer, row: TxnResult) -> bool:
    if row.KV:
        return rights.allows("key", READ, row.KV.Key)
    if row.Node:
        return rights.reads_node(row.Node.Node, row.Node.PeerName or "")
    if row.Service:
        return rights.reads_service(row.Service.Service, row.Service.PeerName)
    if row.Check:
        peer = row.Check.PeerName or ""
        if row.Check.ServiceName:
            return rights.reads_service(row.Check.ServiceName, peer)
        return rights.reads_node(row.Check.Node, peer)
    return True


# Catalog and health


def nodes(rights: Authorizer, rows: list[Node]) -> Kept[Node]:
    """Nodes by name."""
    return kept(rights, rows, lambda row: rights.reads_node(row.Node, row.PeerName or ""), _tell_node)


def service_rows(rights: Authorizer, rows: list[ServiceRow]) -> Kept[ServiceRow]:
    """Stored instances by node and service."""
    return kept(
        rights,
        rows,
        lambda row: _sees(rights, row.Node, row.Service.Service, row.Service.PeerName),
        lambda row: _dropping("service node", node=row.Node, service=row.Service.ID),
    )


def service_nodes(rights: Authorizer, rows: list[ServiceNode]) -> Kept[ServiceNode]:
    """Flat instances by node and service."""
    return kept(
        rights,
        rows,
        lambda row: _sees(rights, row.Node, row.ServiceName, row.PeerName or ""),
        lambda row: _dropping("service node", node=row.Node, service=row.ServiceID),
    )


def check_service_nodes(rights: Authorizer, rows: list[CheckServiceNode]) -> Kept[CheckServiceNode]:
    """Instances with their checks by node and service."""
    return kept(rights, rows, lambda row: sees_instance(rights, row), _tell_instance)


def _tell_instance(row: CheckServiceNode) -> None:
    _dropping(
        "check service node", node=row.Node.Node if row.Node else "", service=row.Service.ID if row.Service else ""
    )


def sees_instance(rights: Authorizer, row: CheckServiceNode) -> bool:
    """Whether one instance may be seen."""
    service = row.Service
    if row.Node is None or service is None:
        return False
    peer = service.PeerName
    return rights.reads_node(row.Node.Node, peer) and rights.reads_service(service.Service, peer)


def health_checks(rights: Authorizer, rows: list[HealthCheck]) -> Kept[HealthCheck]:
    """Checks by node, and by service where they are of one."""
    return kept(rights, rows, lambda row: _sees(rights, row.Node, row.ServiceName, row.PeerName or ""), _tell_check)


def services_of_node(rights: Authorizer, rows: list[NodeService]) -> Kept[NodeService]:
    """The services of a node that may be seen itself."""
    return kept(
        rights, rows, lambda row: rights.reads_service(row.Service, row.PeerName), lambda row: _tell_service(row.ID)
    )


def services_of_node_by_id(rights: Authorizer, rows: list[NodeService]) -> Kept[NodeService]:
    """The same where services stand by ID. There Consul asks for the ID as if it were the name."""
    return kept(
        rights,
        rows,
        lambda row: not row.ID or rights.reads_service(row.ID, row.PeerName),
        lambda row: _tell_service(row.ID),
    )


def service_names(rights: Authorizer, names: list[str], peer: str = "") -> Kept[str]:
    """Names of services."""
    return kept(rights, names, lambda name: rights.reads_service(name, peer), _tell_service)


def by_datacenter(
    rights: Authorizer, found: dict[str, list[CheckServiceNode]]
) -> tuple[dict[str, list[CheckServiceNode]], bool]:
    """Instances by datacenter; one without any that may be seen is left out."""
    stay = {name: check_service_nodes(rights, rows) for name, rows in found.items()}
    return {name: rows for name, (rows, _) in stay.items() if rows}, any(went for _, went in stay.values())


def _sees(rights: Authorizer, node: str, service: str, peer: str) -> bool:
    return rights.reads_node(node, peer) and (not service or rights.reads_service(service, peer))


# What Consul's own parts read


def node_dump(rights: Authorizer, rows: list[NodeInfo]) -> Kept[NodeInfo]:
    """Nodes with what may be seen of their services and checks."""
    if rights.unrestricted:
        return rows, False
    seen, went = kept(rights, rows, lambda row: rights.reads_node(row.Node, row.PeerName or ""), _tell_node)
    stripped = [_stripped(rights, row) for row in seen]
    return [row for row, _ in stripped], went or any(less for _, less in stripped)


def _stripped(rights: Authorizer, row: NodeInfo) -> tuple[NodeInfo, bool]:
    services, no_service = services_of_node(rights, row.Services or [])
    checks, no_check = health_checks(rights, row.Checks or [])
    if not no_service and not no_check:
        return row, False
    lists = {
        **({"Services": services} if no_service else {}),
        **({"Checks": checks} if no_check else {}),
    }
    return changed(row, **lists), True


def service_dump(rights: Authorizer, rows: list[ServiceInfo]) -> Kept[ServiceInfo]:
    """Instances behind a gateway, by gateway, service and node; a mapping alone has no node."""
    return kept(
        rights,
        rows,
        lambda row: _sees_behind(rights, row),
        lambda row: _tell_service(row.GatewayService.Service.Name if row.GatewayService else ""),
    )


def _sees_behind(rights: Authorizer, row: ServiceInfo) -> bool:
    mapping = row.GatewayService
    if mapping is None:
        return False
    names = (mapping.Gateway.Name, mapping.Service.Name)
    if not all(not name or rights.reads_service(name) for name in names):
        return False
    if row.Node is None:
        return True
    return rights.reads_node(row.Node.Node, row.Service.PeerName if row.Service is not None else "")


def gateway_services(rights: Authorizer, rows: list[GatewayService]) -> Kept[GatewayService]:
    """Mappings by the service behind the gateway; whether the gateway may be seen is asked before."""
    return kept(
        rights,
        rows,
        lambda row: rights.reads_service(row.Service.Name),
        lambda row: _tell_service(row.Service.Name),
    )


def topology(rights: Authorizer, found: ServiceTopology) -> tuple[ServiceTopology, bool]:
    """The neighbours whose instances may be seen; decisions and sources still name the others, as in Consul."""
    up, no_up = check_service_nodes(rights, found.Upstreams or [])
    down, no_down = check_service_nodes(rights, found.Downstreams or [])
    if not no_up and not no_down:
        return found, False
    return changed(found, Upstreams=up or None, Downstreams=down or None), True


# Intentions and prepared queries


def intentions(rights: Authorizer, rows: list[Intention]) -> Kept[Intention]:
    """Intentions of which either end may be read, so that both ends know why something works or does not."""
    return kept(
        rights,
        rows,
        lambda row: _sees_intention(rights, row),
        lambda row: _dropping("intention", intention=row.ID or ""),
    )


def _sees_intention(rights: Authorizer, row: Intention) -> bool:
    ends = (row.SourceName if not row.SourcePeer else "", row.DestinationName)
    return any(name and rights.allows("intention", READ, name) for name in ends)


def queries(rights: Authorizer, rows: list[PreparedQuery]) -> Kept[PreparedQuery]:
    """Queries by name with their tokens hidden, all as they are for management.

    Those without a name are for management alone, and nobody is told of them.
    """
    if rights.allows("acl", WRITE):
        return rows, False
    named, _ = kept(rights, rows, lambda row: row.acl_prefix() is not None, _tell_query)
    seen, went = kept(rights, named, lambda row: rights.allows("query", READ, row.Name), _tell_query)
    return [with_hidden_token(rights, row) for row in seen], went


def with_hidden_token(rights: Authorizer, query: PreparedQuery) -> PreparedQuery:
    """The query, its token hidden from all but management; that there is none may be seen."""
    if not query.Token or rights.allows("acl", WRITE):
        return query
    return changed(query, Token=REDACTED_TOKEN)


def _tell_query(row: PreparedQuery) -> None:
    _dropping("prepared query", query=row.ID)
