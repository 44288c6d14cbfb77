"""RPC methods of prepared queries: writing, reading, explaining and running them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import msgspec

from pyconsul.acl import Access, Authorizer
from pyconsul.memdb import Store, WatchSet
from pyconsul.primitives.dice import DICE
from pyconsul.primitives.durations import DurationError, parse_duration
from pyconsul.server.acl import told_nobody
from pyconsul.server.aside import ASIDE_FROM, aside
from pyconsul.server.blame import blamed
from pyconsul.server.endpoints import acl_filter
from pyconsul.server.endpoints.prepared_query_failover import fail_over
from pyconsul.server.registry import rpc
from pyconsul.server.state import catalog_reads as reads
from pyconsul.server.state.coordinate import sorted_by_distance
from pyconsul.server.state.prepared_query import all_queries, queries_index, query_with_id, resolve
from pyconsul.structs.catalog import CheckServiceNode, DCSpecificRequest, QuerySource
from pyconsul.structs.errors import InternalError, NotFound, PermissionDenied
from pyconsul.structs.health import CRITICAL, PASSING
from pyconsul.structs.messages import MessageType
from pyconsul.structs.prepared_query import (
    QUERY_NOT_FOUND,
    REDACTED_TOKEN,
    IndexedPreparedQueries,
    PreparedQuery,
    PreparedQueryExecuteRemoteRequest,
    PreparedQueryExecuteRequest,
    PreparedQueryExecuteResponse,
    PreparedQueryExplainResponse,
    PreparedQueryRequest,
    PreparedQuerySpecificRequest,
    ServiceQuery,
)
from pyconsul.structs.service_rules import metadata_error
from pyconsul.structs.wire import changed
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

_NEAREST_DEPTH = 10  # how far down a sorted answer the node itself is looked for; it is among the first anyway
log = logger("agent.server.prepared_query")


@rpc("PreparedQuery.Apply")
async def apply(srv: Server, req: PreparedQueryRequest) -> str:
    """Create, update or delete a query; answers its ID. Raises InternalError."""
    query = req.Query or PreparedQuery()
    if req.Op == "create":
        if query.ID:
            raise InternalError("ID must be empty when creating a new prepared query")
        query = changed(query, ID=_unused_id(srv.db))
    rights = srv.acl.authorizer(req.Token)
    _require_write(rights, query)
    # A query may be given a name, and may be taken from its own, by whoever has the right to both.
    if req.Op != "create":
        _require_write(rights, _stored(srv.db, query.ID))
    if req.Op in ("create", "update"):
        if fault := query_fault(query):
            raise InternalError(f"Invalid prepared query: {fault}")
    elif req.Op != "delete":
        raise InternalError(f"Unknown prepared query operation: {req.Op}")
    with blamed("raft apply failed"):
        if req.Op != "delete" and query.is_template():
            await _compile_ahead(query)
        await srv.propose(MessageType.PREPARED_QUERY, changed(req, Query=query))
    return query.ID


async def _compile_ahead(query: PreparedQuery) -> None:
    """Let a large template be compiled beside the loop, and not when it is stored. Raises InternalError."""
    size = len(msgspec.msgpack.encode(query.Service))
    if size >= ASIDE_FROM:
        from pyconsul.server.state.prepared_query_template import TemplateError, compile_ahead

        try:
            await aside(size, lambda: compile_ahead(query))
        except TemplateError as error:
            raise InternalError(f"failed compiling template: {error}") from error


def _unused_id(db: Store) -> str:
    while True:
        query_id = str(uuid.uuid4())
        if query_with_id(db, query_id) is None:
            return query_id


def _require_write(rights: Authorizer, query: PreparedQuery) -> None:
    """A query without a name is protected by its ID alone."""
    name = query.acl_prefix()
    if name is not None and not rights.allows("query", Access.WRITE, name):
        log.warn("Operation on prepared query denied due to ACLs", query=query.ID)
        raise rights.denied("query", Access.WRITE, name)


def _stored(db: Store, query_id: str) -> PreparedQuery:
    with blamed("Prepared Query lookup failed"):
        known = query_with_id(db, query_id)
    if known is None:
        raise InternalError(f"Cannot modify non-existent prepared query: '{query_id}'")
    return known


def query_fault(query: PreparedQuery) -> str:
    """What forbids to store a query, "" if nothing does. Names and templates are checked when it is stored."""
    if not (query.Name or query.Template.Type or query.Session):
        return "Must be bound to a session"
    if query.Token == REDACTED_TOKEN:
        return f"Bad Token '{query.Token}', it looks like a query definition with a redacted token was submitted"
    return _service_fault(query.Service) or _ttl_fault(query.DNS.TTL)


def _service_fault(service: ServiceQuery) -> str:
    if not service.Service:
        return "Must provide a Service name to query"
    failover = service.Failover
    if failover.NearestN < 0:
        return f"Bad NearestN '{failover.NearestN}', must be >= 0"
    if (failover.NearestN or failover.Datacenters) and failover.Targets:
        return "Targets cannot be populated with NearestN or Datacenters"
    if fault := metadata_error(service.NodeMeta, allow_reserved=True):
        return fault
    return "sameness-groups are an enterprise-only feature" if service.SamenessGroup else ""


def _ttl_fault(ttl: str) -> str:
    if not ttl:
        return ""
    try:
        nanoseconds = parse_duration(ttl)
    except DurationError as error:
        return f"Bad DNS TTL '{ttl}': {error}"
    return f"DNS TTL '{nanoseconds}', must be >=0" if nanoseconds < 0 else ""


@rpc("PreparedQuery.Get")
async def get(srv: Server, ask: PreparedQuerySpecificRequest) -> IndexedPreparedQueries:
    """One query as a list of one. Raises NotFound."""

    def read(db: Store, ws: WatchSet) -> IndexedPreparedQueries:
        query = query_with_id(db, ask.QueryID, ws)
        if query is None:
            raise NotFound(QUERY_NOT_FOUND)
        shown = _visible(srv.acl.authorizer(ask.Token, ws), query)
        # The index is that of all queries, but others wake nobody who waits for this one.
        index = queries_index(db, None if ask.MinQueryIndex else ws)
        return IndexedPreparedQueries(Index=index, Queries=[shown])

    return await srv.read(ask, read)


def _visible(rights: Authorizer, query: PreparedQuery) -> PreparedQuery:
    """The query with its token hidden; who knows the ID of one without a name may see it. Raises PermissionDenied."""
    if query.acl_prefix() is None:
        return acl_filter.with_hidden_token(rights, query)
    seen, _ = acl_filter.queries(rights, [query])
    if not seen:
        log.warn("Request to get prepared query denied due to ACLs", query=query.ID)
        raise PermissionDenied
    return seen[0]


@rpc("PreparedQuery.List")
async def list_queries(srv: Server, ask: DCSpecificRequest) -> IndexedPreparedQueries:
    """All queries; null when there are none."""

    def read(db: Store, ws: WatchSet) -> IndexedPreparedQueries:
        found, filtered = acl_filter.queries(srv.acl.authorizer(ask.Token, ws), all_queries(db, ws))
        index = queries_index(db, ws)
        return IndexedPreparedQueries(Index=index, Queries=found or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("PreparedQuery.Explain")
async def explain(srv: Server, ask: PreparedQueryExecuteRequest) -> PreparedQueryExplainResponse:
    """The query that a name selects, filled in. Raises NotFound."""
    query = await _resolve(srv, ask)
    seen, _ = acl_filter.queries(srv.acl.authorizer(ask.Token), [query])
    if not seen:
        log.warn("Explain on prepared query denied due to ACLs", query=query.ID)
        raise PermissionDenied
    return PreparedQueryExplainResponse(Index=1, Query=seen[0])


async def _resolve(srv: Server, ask: PreparedQueryExecuteRequest) -> PreparedQuery:
    if ask.RequireConsistent:
        await srv.verify()
    query = resolve(srv.db, ask.QueryIDOrName, ask.Agent)
    if query is None:
        raise NotFound(QUERY_NOT_FOUND)
    return query


@rpc("PreparedQuery.Execute")
async def execute(srv: Server, ask: PreparedQueryExecuteRequest) -> PreparedQueryExecuteResponse:
    """Run a query here, and elsewhere if there is no instance here. Raises NotFound."""
    query = await _resolve(srv, ask)
    found = run(srv, query, ask.Token, connect=ask.Connect)
    nodes = _in_order(srv, query, ask, found)
    if ask.Limit > 0:
        nodes = nodes[: ask.Limit]
    found = changed(found, Nodes=nodes)
    return found if nodes else await fail_over(srv, query, ask, found)


@rpc("PreparedQuery.ExecuteRemote")
async def execute_remote(srv: Server, ask: PreparedQueryExecuteRemoteRequest) -> PreparedQueryExecuteResponse:
    """Run a query that another datacenter sent along, in no particular order."""
    if ask.RequireConsistent:
        await srv.verify()
    found = run(srv, ask.Query, ask.Token, connect=ask.Connect)
    nodes = list(found.Nodes or [])
    DICE.shuffle(nodes)
    return changed(found, Nodes=nodes[: ask.Limit] if ask.Limit > 0 else nodes)


def run(srv: Server, query: PreparedQuery, token: str, *, connect: bool) -> PreparedQueryExecuteResponse:
    """The instances that fit a query, from our own catalog: those that its own token may see, else the asker's."""
    service = query.Service
    if service.Connect or connect:
        _, nodes = reads.check_connect_service_nodes(srv.db, service.Service, service.Peer)
    else:
        _, nodes = reads.check_service_nodes(srv.db, service.Service, peer=service.Peer)
    token = query.Token or token
    fitting = [node for node in nodes if fits(node, service)]
    fitting, filtered = acl_filter.check_service_nodes(srv.acl.authorizer(token), fitting)
    reply = PreparedQueryExecuteResponse(
        Index=1,
        Service=service.Service,
        Nodes=fitting,
        DNS=query.DNS,
        Datacenter="" if service.Peer else srv.config.datacenter,
        PeerName=service.Peer,
        ResultsFilteredByACLs=filtered,
    )
    return reply if token else told_nobody(reply)


def fits(row: CheckServiceNode, service: ServiceQuery) -> bool:
    """Whether an instance is healthy enough and has the metadata and tags that a query asks for."""
    ignored = service.IgnoreCheckIDs or ()
    statuses = {check.Status for check in row.Checks or () if check.CheckID not in ignored}
    if (statuses - {PASSING}) if service.OnlyPassing else (CRITICAL in statuses):
        return False
    if row.Node is None or not reads.satisfies(row.Node.Meta, service.NodeMeta):
        return False
    if row.Service is None or not reads.satisfies(row.Service.Meta, service.ServiceMeta):
        return False
    tags = {tag.lower() for tag in row.Service.Tags or ()}
    return all(_tag_fits(tag.lower(), tags) for tag in service.Tags or ())


def _tag_fits(wanted: str, tags: set[str]) -> bool:
    return wanted[1:] not in tags if wanted.startswith("!") else wanted in tags


def _in_order(
    srv: Server, query: PreparedQuery, ask: PreparedQueryExecuteRequest, found: PreparedQueryExecuteResponse
) -> list[CheckServiceNode]:
    """Instances nearest first where the asker or the query says from where, else shuffled."""
    nodes = list(found.Nodes or [])
    DICE.shuffle(nodes)
    source = _source(srv, query, ask)
    if not source.Node:
        return nodes
    with WatchSet() as nobody:
        nodes = sorted_by_distance(srv.db, source, srv.config.datacenter, nodes, _node_name, nobody)
    if found.Datacenter == source.Datacenter:
        wanted = source.Node.lower()
        at = next((i for i, row in enumerate(nodes[:_NEAREST_DEPTH]) if _node_name(row).lower() == wanted), 0)
        if at:
            nodes[0], nodes[at] = nodes[at], nodes[0]
    return nodes


def _node_name(row: CheckServiceNode) -> str:
    return row.Node.Node if row.Node is not None else ""


def _source(srv: Server, query: PreparedQuery, ask: PreparedQueryExecuteRequest) -> QuerySource:
    """From where the answer is sorted: the asker's wish, then the query's; ``_agent`` and ``_ip`` are resolved."""
    source = ask.Source
    name = source.Node or query.Service.Near
    if name == "_agent":
        name = ask.Agent.Node
    elif name == "_ip":
        name = _node_at(srv.db, source.Ip)
    return changed(source, Datacenter=source.Datacenter or ask.Agent.Datacenter, Node=name)


def _node_at(db: Store, ip: str) -> str:
    if not ip:
        log.warn(
            "Prepared Query using near=_ip requires the source IP to be set but none was provided. "
            "No distance sorting will be done."
        )
        return ""
    _, nodes = reads.nodes(db)
    return next((node.Node for node in nodes if node.Address == ip), "")
