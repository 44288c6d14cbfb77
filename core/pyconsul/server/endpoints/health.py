"""RPC methods of health: checks by node, service and status, and instances with their checks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pyconsul.acl import Authorizer
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.endpoints import acl_filter
from pyconsul.server.endpoints.catalog import wanted_tags
from pyconsul.server.endpoints.filtering import rows_filter, vetted_filter
from pyconsul.server.registry import rpc
from pyconsul.server.state import catalog_reads as reads
from pyconsul.server.state.catalog_tables import LEFT_BY_CONNECT, LEFT_BY_NAME, left_index
from pyconsul.server.state.config_entry_merge import central_index, is_proxy, with_central_config
from pyconsul.server.state.coordinate import sorted_by_distance
from pyconsul.structs.catalog import (
    CheckServiceNode,
    ChecksInStateRequest,
    HealthFilter,
    IndexedCheckServiceNodes,
    NodeSpecificRequest,
    ServiceSpecificRequest,
)
from pyconsul.structs.errors import InternalError, PermissionDenied
from pyconsul.structs.health import HealthCheck, IndexedHealthChecks
from pyconsul.structs.wire import changed

if TYPE_CHECKING:
    from pyconsul.server.server import Server


@rpc("Health.ChecksInState")
async def checks_in_state(srv: Server, ask: ChecksInStateRequest) -> IndexedHealthChecks:
    """All checks with one status, or ``any``; null when there are none."""
    keep = await rows_filter(ask.Filter, HealthCheck)

    def read(db: Store, ws: WatchSet) -> IndexedHealthChecks:
        index, found = reads.checks_in_state(db, ask.State, ask.NodeMetaFilters, ask.PeerName, ws)
        found, filtered = acl_filter.health_checks(srv.acl.authorizer(ask.Token, ws), found)
        found = sorted_by_distance(db, ask.Source, srv.config.datacenter, keep(found), lambda c: c.Node, ws)
        return IndexedHealthChecks(Index=index, HealthChecks=found or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Health.NodeChecks")
async def node_checks(srv: Server, ask: NodeSpecificRequest) -> IndexedHealthChecks:
    """The checks of a node and of what is on it; null when there are none."""
    keep = await rows_filter(ask.Filter, HealthCheck)

    def read(db: Store, ws: WatchSet) -> IndexedHealthChecks:
        index, found = reads.checks_of_node(db, ask.Node, ask.PeerName, ws)
        found, filtered = acl_filter.health_checks(srv.acl.authorizer(ask.Token, ws), found)
        return IndexedHealthChecks(Index=index, HealthChecks=keep(found) or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Health.ServiceChecks")
async def service_checks(srv: Server, ask: ServiceSpecificRequest) -> IndexedHealthChecks:
    """The checks of a service's instances; null when there are none."""
    if ask.TagFilter:
        raise InternalError("Tag filtering is not supported")
    keep = await rows_filter(ask.Filter, HealthCheck)

    def read(db: Store, ws: WatchSet) -> IndexedHealthChecks:
        index, found = reads.checks_of_service(db, ask.ServiceName, ask.NodeMetaFilters, ask.PeerName, ws)
        # Here the expression comes first, so that what it drops is not called filtered.
        found, filtered = acl_filter.health_checks(srv.acl.authorizer(ask.Token, ws), keep(found))
        found = sorted_by_distance(db, ask.Source, srv.config.datacenter, found, lambda c: c.Node, ws)
        return IndexedHealthChecks(Index=index, HealthChecks=found or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Health.ServiceNodes")
async def service_nodes(srv: Server, ask: ServiceSpecificRequest) -> IndexedCheckServiceNodes:
    """The instances of a service with node and checks; null when there are none."""
    _refuse_nameless(ask)
    # Who may not ask at all is told so before a bad expression is; without one the read itself refuses.
    if ask.Filter:
        _refuse_hidden(srv.acl.authorizer(ask.Token), ask)
    keep = await _instance_filter(srv, ask)

    def read(db: Store, ws: WatchSet) -> IndexedCheckServiceNodes:
        rights = srv.acl.authorizer(ask.Token, ws)
        _refuse_hidden(rights, ask)
        index, found = _find(db, ask, ws)
        central, found, filtered = _fitting(db, rights, ask, keep, found, ws)
        found = sorted_by_distance(db, ask.Source, srv.config.datacenter, found, _node_name, ws)
        return IndexedCheckServiceNodes(Index=max(index, central), Nodes=found or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read, content=_instances if ask.MergeCentralConfig else None)


@rpc("Subscribe.ServiceNodes")
async def subscribed_service_nodes(srv: Server, ask: ServiceSpecificRequest) -> IndexedCheckServiceNodes:
    """The same as Consul's stream of changes shows it: what may not be seen is not there, and nobody is told."""
    _refuse_nameless(ask)
    keep = await _instance_filter(srv, ask)
    before: IndexedCheckServiceNodes | None = None

    def read(db: Store, ws: WatchSet) -> IndexedCheckServiceNodes:
        rights = srv.acl.authorizer(ask.Token, ws)
        index, found = _find(db, ask, ws)
        found = [] if _is_hidden(rights, ask) else [_without_empty_maps(one) for one in found]
        central, found, _ = _fitting(db, rights, ask, keep, found, ws)
        found.sort(key=_as_spelled)
        # An instance that takes another name does not raise the index of the service that it leaves.
        by = LEFT_BY_CONNECT if ask.Connect else LEFT_BY_NAME
        left = left_index(db, by, ask.ServiceName, ask.PeerName, ws.quiet)
        reply = IndexedCheckServiceNodes(Index=max(index, central, left), Nodes=found or None)
        nonlocal before
        before = _risen(reply, before, srv.consensus.applied_index)
        return before

    return await srv.read(ask, read, content=_instances if ask.MergeCentralConfig else None)


def _refuse_nameless(ask: ServiceSpecificRequest) -> None:
    if not ask.ServiceName:
        raise InternalError("Must provide service name")


async def _instance_filter(
    srv: Server, ask: ServiceSpecificRequest
) -> Callable[[list[CheckServiceNode]], list[CheckServiceNode]]:
    keep = await vetted_filter(srv, ask, CheckServiceNode)
    if ask.SamenessGroup:
        raise InternalError("sameness groups are not supported in consul CE")
    return keep


def _fitting(
    db: Store,
    rights: Authorizer,
    ask: ServiceSpecificRequest,
    keep: Callable[[list[CheckServiceNode]], list[CheckServiceNode]],
    found: list[CheckServiceNode],
    ws: WatchSet,
) -> tuple[int, list[CheckServiceNode], bool]:
    """The index of what was merged in, the instances that fit the question, and whether any may not be seen."""
    central = 0
    if ask.NodeMetaFilters:
        found = [one for one in found if one.Node and reads.satisfies(one.Node.Meta, ask.NodeMetaFilters)]
    if ask.MergeCentralConfig:
        central = central_index(db, (one.Service.Kind for one in found if one.Service), ws)
        found = [_merged(db, one, ws) for one in found]
    found, filtered = acl_filter.check_service_nodes(rights, found)
    return central, reads.keep_healthy(keep(found), HealthFilter(ask.HealthFilterType)), filtered


def _instances(reply: IndexedCheckServiceNodes) -> object:
    return reply.Nodes


def _risen(
    reply: IndexedCheckServiceNodes, before: IndexedCheckServiceNodes | None, applied: int
) -> IndexedCheckServiceNodes:
    """The reply with an index above that of the one before it if it shows something else.

    What changes without raising an index is told all the same, under that of the change.
    """
    if before is None or reply.Index > before.Index or reply.Nodes == before.Nodes:
        return reply
    return changed(reply, Index=applied)


def _without_empty_maps(row: CheckServiceNode) -> CheckServiceNode:
    """The row with null for each map without members: in the stream's messages the two are one."""
    node, service = row.Node, row.Service
    if node and (node.Meta == {} or node.TaggedAddresses == {}):
        node = changed(node, Meta=node.Meta or None, TaggedAddresses=node.TaggedAddresses or None)
    if service and service.Meta == {}:
        service = changed(service, Meta=None)
    return row if node is row.Node and service is row.Service else changed(row, Node=node, Service=service)


def _refuse_hidden(rights: Authorizer, ask: ServiceSpecificRequest) -> None:
    if _is_hidden(rights, ask):
        raise PermissionDenied


def _is_hidden(rights: Authorizer, ask: ServiceSpecificRequest) -> bool:
    """Whether it is asked who stands for a service that may not be seen itself."""
    return (ask.Connect or ask.Ingress) and not rights.reads_service(ask.ServiceName, ask.PeerName)


def _merged(db: Store, row: CheckServiceNode, ws: WatchSet) -> CheckServiceNode:
    """A proxy or gateway as it would be configured."""
    if row.Service is None or not is_proxy(row.Service.Kind):
        return row
    return changed(row, Service=with_central_config(db, row.Service, ws))


def _node_name(row: CheckServiceNode) -> str:
    return row.Node.Node if row.Node else ""


def _as_spelled(row: CheckServiceNode) -> tuple[str, str]:
    """What a stream's view sorts by, where the state does not tell upper case from lower."""
    return _node_name(row), row.Service.ID if row.Service else ""


def _find(db: Store, ask: ServiceSpecificRequest, ws: WatchSet) -> tuple[int, list[CheckServiceNode]]:
    if ask.Connect:
        return reads.check_connect_service_nodes(db, ask.ServiceName, ask.PeerName, ws)
    if ask.Ingress and not ask.TagFilter:
        return reads.check_ingress_service_nodes(db, ask.ServiceName, ws)
    return reads.check_service_nodes(db, ask.ServiceName, wanted_tags(ask), ask.PeerName, ws)
