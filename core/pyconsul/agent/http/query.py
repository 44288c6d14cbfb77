"""``/v1/query``: write, read, explain and run prepared queries."""

from __future__ import annotations

from typing import Any, TypeVar

from pyconsul.agent.cache import CacheKind
from pyconsul.agent.http.discovery import fetch, fetch_cached
from pyconsul.agent.http.reply import Reply, meta_fields
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import ANY_METHOD, route
from pyconsul.agent.http.translation import translated
from pyconsul.lang.strconv import NumberSyntaxError, parse_bool, parse_int
from pyconsul.structs import godecode
from pyconsul.structs.catalog import DCSpecificRequest, QuerySource
from pyconsul.structs.errors import BadRequest, ConsulError, InternalError, MethodNotAllowed, NotFound
from pyconsul.structs.prepared_query import (
    IndexedPreparedQueries,
    PreparedQuery,
    PreparedQueryExecuteRequest,
    PreparedQueryExecuteResponse,
    PreparedQueryExplainResponse,
    PreparedQueryRequest,
    PreparedQuerySpecificRequest,
    is_query_not_found,
)
from pyconsul.structs.wire import Indexed, ReadRequest, changed

T = TypeVar("T", bound=Indexed)

PREPARED_QUERIES: CacheKind[PreparedQueryExecuteResponse] = CacheKind(
    "prepared-query", "PreparedQuery.Execute", PreparedQueryExecuteResponse, refreshes=False
)


@route("GET", "/v1/query")
async def query_list(req: Request) -> Reply:
    """All queries."""
    ask = DCSpecificRequest(**req.read_options(refuse_enterprise=False))
    found = await _read(req, "PreparedQuery.List", ask, IndexedPreparedQueries)
    return Reply(found.Queries or [], meta=found)


@route("POST", "/v1/query")
async def query_create(req: Request) -> Reply:
    """Store a query; answers its ID."""
    options = _write_options(req)
    request = PreparedQueryRequest(Op="create", Query=_body(req), **options)
    return Reply({"ID": await req.rpc("PreparedQuery.Apply", request, str)})


@route("GET", "/v1/query/{id...}")
async def query_get(req: Request) -> Reply:
    """One query as a list of one; ``…/execute`` runs it, ``…/explain`` shows what it comes to."""
    path = req.path["id"]
    verb = _verb(req)
    if verb == "/execute":
        return await _execute(req, path.removesuffix(verb))
    if verb == "/explain":
        return await _explain(req, path.removesuffix(verb))
    ask = PreparedQuerySpecificRequest(QueryID=path, **req.read_options(refuse_enterprise=False))
    found = await _read(req, "PreparedQuery.Get", ask, IndexedPreparedQueries)
    return Reply(found.Queries, meta=found)


@route("PUT", "/v1/query/{id...}")
async def query_update(req: Request) -> Reply:
    """Replace a query; answers nothing."""
    _refuse_verbs(req)
    options = _write_options(req)
    query = changed(_body(req) if req.body else PreparedQuery(), ID=req.path["id"])
    await req.rpc("PreparedQuery.Apply", PreparedQueryRequest(Op="update", Query=query, **options), str)
    return Reply.nothing()


@route("DELETE", "/v1/query/{id...}")
async def query_delete(req: Request) -> Reply:
    """Drop a query; answers nothing."""
    _refuse_verbs(req)
    options = _write_options(req)
    query = PreparedQuery(ID=req.path["id"])
    await req.rpc("PreparedQuery.Apply", PreparedQueryRequest(Op="delete", Query=query, **options), str)
    return Reply.nothing()


@route(ANY_METHOD, "/v1/query/{id...}", listed=False)
async def query_refused(req: Request) -> Reply:
    """Methods that no query takes; unlike elsewhere the refusal does not list OPTIONS."""
    _refuse_verbs(req)
    raise MethodNotAllowed(req.method, ("GET", "PUT", "DELETE"))


@route("OPTIONS", "/v1/query/{id...}", listed=False)
async def query_options(req: Request) -> Reply:
    """The methods of a query, or of what can be done with it."""
    allow = "OPTIONS,GET" if _verb(req) else "OPTIONS,GET,PUT,DELETE"
    return Reply({}, headers={"Allow": allow})


def _verb(req: Request) -> str:
    """``/execute`` or ``/explain`` where the path ends so; a query of that name cannot be told from it."""
    path = "/" + req.path["id"]
    return next((verb for verb in ("/execute", "/explain") if path.endswith(verb)), "")


def _refuse_verbs(req: Request) -> None:
    """Running and explaining go by GET alone."""
    if _verb(req):
        raise MethodNotAllowed(req.method, ("GET",))


def _write_options(req: Request) -> dict[str, str]:
    return {"Datacenter": req.datacenter(), "Token": req.token()}


def _body(req: Request) -> PreparedQuery:
    try:
        return godecode.into(godecode.parse(req.body), PreparedQuery)
    except ValueError as error:
        raise BadRequest(f"Request decode failed: {error}") from error


async def _execute(req: Request, name: str) -> Reply:
    ask = _execution(req, name)
    if raw := req.query.get("connect"):
        try:
            ask = changed(ask, Connect=parse_bool(raw))
        except NumberSyntaxError as error:
            raise InternalError(f"Error parsing 'connect' value: {error}") from error
    headers: dict[str, str] = {}
    if ask.UseCache:
        found, headers = await _run_cached(req, ask)
    else:
        found = await _read(req, "PreparedQuery.Execute", ask, PreparedQueryExecuteResponse)
    shown: dict[str, Any] = {
        "Service": found.Service,
        "Nodes": translated(req, found.Nodes or [], found.Datacenter),
        "DNS": found.DNS,
        "Datacenter": found.Datacenter,
        "PeerName": found.PeerName,
        "Failovers": found.Failovers,
    }
    return Reply(shown | meta_fields(found), meta=found, headers=headers)


async def _run_cached(
    req: Request, ask: PreparedQueryExecuteRequest
) -> tuple[PreparedQueryExecuteResponse, dict[str, str]]:
    """A run through the cache; a query that is not there is a 500 here, as in Consul."""
    try:
        return await fetch_cached(req, PREPARED_QUERIES, ask)
    except ConsulError as error:
        if is_query_not_found(error):
            raise InternalError(error.text, meta=error.meta) from error
        raise


async def _explain(req: Request, name: str) -> Reply:
    ask = _execution(req, name)
    found = await _read(req, "PreparedQuery.Explain", ask, PreparedQueryExplainResponse)
    return Reply({"Query": found.Query} | meta_fields(found), meta=found)


def _execution(req: Request, name: str) -> PreparedQueryExecuteRequest:
    options = req.read_options(refuse_enterprise=False)
    agent = req.agent
    near, ip = req.source()
    try:
        limit = parse_int(req.query.get("limit"), func="Atoi") if req.query.get("limit") else 0
    except NumberSyntaxError as error:
        raise InternalError(f"Bad limit: {error}") from error
    return PreparedQueryExecuteRequest(
        QueryIDOrName=name,
        Limit=limit,
        Source=QuerySource(Datacenter=options["Datacenter"], Node=near, Ip=ip),
        Agent=QuerySource(Datacenter=agent.datacenter, Segment=agent.config.segment, Node=agent.node_name),
        **options,
    )


async def _read(req: Request, method: str, ask: ReadRequest, reply: type[T]) -> T:
    """A read; a query that is not there is 404, with the headers of a failed read."""
    try:
        return await fetch(req, method, ask, reply)
    except ConsulError as error:
        if is_query_not_found(error):
            raise NotFound(error.text, meta=error.meta) from error
        raise
