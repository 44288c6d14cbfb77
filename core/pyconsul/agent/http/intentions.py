"""``/v1/connect/intentions``: who may call whom."""

from __future__ import annotations

import msgspec

from pyconsul.agent.cache import CacheKind
from pyconsul.agent.http.discovery import fetch, fetch_cached, read_options
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.lang.strconv import quote
from pyconsul.structs import godecode
from pyconsul.structs.errors import BadRequest, InternalError, NotFound
from pyconsul.structs.intentions import (
    BY_DESTINATION,
    BY_SOURCE,
    CREATE,
    DEFAULT_NAMESPACE,
    DELETE,
    UPDATE,
    UPSERT,
    IndexedIntentionMatches,
    IndexedIntentions,
    Intention,
    IntentionListRequest,
    IntentionMatchEntry,
    IntentionQueryCheck,
    IntentionQueryCheckResponse,
    IntentionQueryExact,
    IntentionQueryMatch,
    IntentionQueryRequest,
    IntentionRequest,
)
from pyconsul.structs.wire import UNSET, changed, omit

INTENTION_MATCHES: CacheKind[IndexedIntentionMatches] = CacheKind(
    "intention-match", "Intention.Match", IndexedIntentionMatches
)
_PEER = "peer:"


@route("GET", "/v1/connect/intentions")
async def intention_list(req: Request) -> Reply:
    """All intentions in the order in which they count."""
    ask = IntentionListRequest(**req.read_options())
    found = await fetch(req, "Intention.List", ask, IndexedIntentions, shows_consistency=False)
    return Reply(found.Intentions or [], meta=found)


@route("POST", "/v1/connect/intentions")
async def intention_create(req: Request) -> Reply:
    """Store an intention of the old kind; answers its ID."""
    options = req.primary_write_options()
    try:
        given = _body(req)
    except ValueError as error:
        raise InternalError(f"Failed to decode request body: {error}") from error
    _refuse_partitions(given)
    _refuse_namespaces(given)
    answer = await req.rpc("Intention.Apply", IntentionRequest(Op=CREATE, Intention=given, **options), str)
    return Reply({"ID": answer})


@route("GET", "/v1/connect/intentions/match")
async def intention_match(req: Request) -> Reply:
    """The intentions of each service that is named, as source or as destination; null where there are none."""
    options = req.read_options()
    by = req.query.all("by")
    if len(by) != 1:
        raise InternalError("required query parameter 'by' not set")
    if by[0] not in (BY_SOURCE, BY_DESTINATION):
        raise InternalError("'by' parameter must be one of 'source' or 'destination'")
    names = req.query.all("name")
    if not names:
        raise InternalError("required query parameter 'name' not set")
    parsed = [_parsed("name", name) for name in names]
    entries = [IntentionMatchEntry(Partition=omit(p.partition), Namespace=p.namespace, Name=p.name) for p in parsed]
    ask = IntentionQueryRequest(Match=IntentionQueryMatch(Type=by[0], Entries=entries), **options)
    headers: dict[str, str] = {}
    if ask.UseCache:
        found, headers = await fetch_cached(req, INTENTION_MATCHES, ask)
    else:
        found = await fetch(req, "Intention.Match", ask, IndexedIntentionMatches)
    shown = dict(zip(names, found.Matches or (), strict=True))  # a name that was given twice is shown once
    return Reply({name: shown[name] for name in sorted(shown)}, meta=found, headers=headers)


@route("GET", "/v1/connect/intentions/check")
async def intention_check(req: Request) -> Reply:
    """Whether a call is allowed."""
    options = req.read_options()
    source_type = next(iter(req.query.all("source-type")), "consul")
    source, destination = _one(req, "source"), _one(req, "destination")
    from_ = _parsed("source", source) if source_type == "consul" else _Named(name=source)
    to = _parsed("destination", destination)
    check = IntentionQueryCheck(
        SourceNS=from_.namespace,
        SourceName=from_.name,
        SourcePartition=omit(from_.partition),
        SourceType=source_type,
        DestinationNS=to.namespace,
        DestinationName=to.name,
        DestinationPartition=omit(to.partition),
    )
    ask = IntentionQueryRequest(Check=check, **options)
    return Reply(await req.rpc("Intention.Check", ask, IntentionQueryCheckResponse))


@route("GET", "/v1/connect/intentions/exact")
async def intention_get_exact(req: Request) -> Reply:
    """The intention with these names."""
    options = read_options(req)
    source = _parsed("source", _one(req, "source"), peers=True)
    destination = _parsed("destination", _one(req, "destination"))
    exact = IntentionQueryExact(
        SourceNS=source.namespace,
        SourceName=source.name,
        SourcePeer=omit(source.peer),
        DestinationNS=destination.namespace,
        DestinationName=destination.name,
    )
    return await _one_intention(req, IntentionQueryRequest(Exact=exact, **options))


@route("PUT", "/v1/connect/intentions/exact")
async def intention_put_exact(req: Request) -> Reply:
    """Write the intention with these names, whatever names the body has."""
    options = req.primary_write_options()
    source, destination = _names(req)
    try:
        given = _body(req)
    except ValueError as error:
        raise BadRequest(f"Request decode failed: {error}") from error
    given = changed(
        given,
        ID=UNSET,
        SourceNS=source.namespace,
        SourceName=source.name,
        DestinationNS=destination.namespace,
        DestinationName=destination.name,
        SourcePartition=UNSET,
        DestinationPartition=UNSET,
    )
    await req.rpc("Intention.Apply", IntentionRequest(Op=UPSERT, Intention=given, **options), str)
    return Reply(True)


@route("DELETE", "/v1/connect/intentions/exact")
async def intention_delete_exact(req: Request) -> Reply:
    """Drop the intention with these names; one that is not there is no error."""
    options = req.primary_write_options()
    source, destination = _names(req)
    given = Intention(SourceName=source.name, DestinationName=destination.name)
    await req.rpc("Intention.Apply", IntentionRequest(Op=DELETE, Intention=given, **options), str)
    return Reply(True)


@route("GET", "/v1/connect/intentions/{id...}")
async def intention_get(req: Request) -> Reply:
    """One intention of the old kind."""
    ask = IntentionQueryRequest(IntentionID=req.path["id"], **req.read_options(refuse_enterprise=False))
    return await _one_intention(req, ask)


@route("PUT", "/v1/connect/intentions/{id...}")
async def intention_update(req: Request) -> Reply:
    """Replace an intention of the old kind; answers its ID."""
    options = req.primary_write_options()
    try:
        given = _body(req)
    except ValueError as error:
        raise BadRequest(f"Request decode failed: {error}") from error
    _refuse_partitions(given)
    given = changed(given, ID=req.path["id"])
    answer = await req.rpc("Intention.Apply", IntentionRequest(Op=UPDATE, Intention=given, **options), str)
    return Reply({"ID": answer})


@route("DELETE", "/v1/connect/intentions/{id...}")
async def intention_delete(req: Request) -> Reply:
    """Drop an intention of the old kind."""
    given = Intention(ID=req.path["id"])
    request = IntentionRequest(Op=DELETE, Intention=given, Datacenter=req.agent.datacenter, Token=req.token())
    await req.rpc("Intention.Apply", request, str)
    return Reply(True)


async def _one_intention(req: Request, ask: IntentionQueryRequest) -> Reply:
    """The intention that was asked for; without the headers of a read, as Consul has it."""
    try:
        found = await req.rpc("Intention.Get", ask, IndexedIntentions)
    except InternalError as error:
        if "UUID" in error.text:
            raise BadRequest(error.text) from error
        raise
    if not found.Intentions:
        raise NotFound("")
    return Reply(found.Intentions[0])


def _body(req: Request) -> Intention:
    """The intention in the body; times and hash are not taken. Raises ValueError with Go's text."""
    return godecode.into(godecode.parse(req.body), Intention)


# Names


class _Named(msgspec.Struct, frozen=True):
    """A service as intentions name it: ``[partition/][namespace/]name`` or ``peer:…/name``."""

    name: str
    namespace: str = ""
    partition: str = ""
    peer: str = ""


def _one(req: Request, name: str) -> str:
    """A parameter that must be there once, even if empty."""
    values = req.query.all(name)
    if len(values) != 1:
        raise InternalError(f"required query parameter '{name}' not set")
    return values[0]


def _names(req: Request) -> tuple[_Named, _Named]:
    """Source and destination of a write; neither may be empty."""
    for name in ("source", "destination"):
        if not _one(req, name):
            raise InternalError(f"required query parameter '{name}' not set")
    return _parsed("source", _one(req, "source")), _parsed("destination", _one(req, "destination"))


def _parsed(what: str, text: str, *, peers: bool = False) -> _Named:
    """A name in its parts. Raises InternalError with Consul's text."""
    parts = text.split("/")
    peer = parts[0].removeprefix(_PEER) if parts[0].startswith(_PEER) else ""
    fault = ""
    if text.startswith(_PEER) and not peers:
        fault = "cannot specify a peer here"
    elif len(parts) > 3:
        fault = "input can contain at most two '/'"
    elif text.startswith(_PEER) and len(parts) == 1:
        fault = "need to specify the service name as well"
    if fault:
        raise InternalError(f"{what} {quote(text)} is invalid: {fault}")
    if len(parts) == 1:
        return _Named(name=text)
    if len(parts) == 2:
        return _Named(parts[1], peer=peer) if peer else _Named(parts[1], namespace=parts[0])
    return _Named(parts[2], parts[1], "" if peer else parts[0], peer)


def _refuse_partitions(given: Intention) -> None:
    for side, partition in (("destination", given.DestinationPartition), ("source", given.SourcePartition)):
        if partition and partition != "default":
            raise BadRequest(f"Cannot specify a {side} partition with this endpoint")


def _refuse_namespaces(given: Intention) -> None:
    for side, namespace in (("SourceNS", given.SourceNS), ("DestinationNS", given.DestinationNS)):
        if namespace.lower() not in ("", DEFAULT_NAMESPACE):
            raise BadRequest(f"Invalid {side}({namespace}): Namespaces is a Consul Enterprise feature")
