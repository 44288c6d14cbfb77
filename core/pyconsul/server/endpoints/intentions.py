"""RPC methods of intentions: write, read, list, match, check."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from pyconsul.acl import Access, Authorizer
from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.blame import blamed
from pyconsul.server.endpoints import acl_filter
from pyconsul.server.endpoints.filtering import rows_filter
from pyconsul.server.registry import rpc
from pyconsul.server.state.config_entry_reads import entries_index, entry_of
from pyconsul.server.state.gateway_services import services_of_gateway
from pyconsul.server.state.intentions import all_intentions, decide, exact_intention, intention_with_id, matching
from pyconsul.structs.catalog import ServiceName
from pyconsul.structs.config_entries.entry import refuse
from pyconsul.structs.config_entries.service_intentions import ServiceIntentions
from pyconsul.structs.errors import InternalError, NotFound, PermissionDenied
from pyconsul.structs.gotime import text_of_nanoseconds
from pyconsul.structs.intentions import (
    BY_DESTINATION,
    BY_SOURCE,
    CREATE,
    DEFAULT_NAMESPACE,
    DELETE,
    NOT_FOUND,
    UPDATE,
    UPSERT,
    IndexedIntentionMatches,
    IndexedIntentions,
    Intention,
    IntentionListRequest,
    IntentionMutation,
    IntentionQueryCheckResponse,
    IntentionQueryExact,
    IntentionQueryRequest,
    IntentionRequest,
)
from pyconsul.structs.messages import MessageType
from pyconsul.structs.wire import UNSET, changed
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server.intentions")

_ENTERPRISE = "Namespaces is a Consul Enterprise feature"


@rpc("Intention.Apply")
async def apply(srv: Server, req: IntentionRequest) -> str:
    """Write an intention; answers its ID where it is one of the API by ID, else "". Raises InternalError."""
    srv.require_connect()
    given = req.Intention or Intention()
    if given.SourcePeer:
        raise InternalError("SourcePeer field is not supported on this endpoint. Use config entries instead")
    if req.Mutation is not None:
        raise InternalError("Mutation field is internal only and must not be set via RPC")
    mutation, answer = _mutation_of(srv.db, srv.acl.authorizer(req.Token), req.Op, given)
    if mutation is not None:
        await srv.propose(MessageType.INTENTION, changed(req, Intention=None, Mutation=mutation))
    return answer


def _mutation_of(db: Store, rights: Authorizer, op: str, given: Intention) -> tuple[IntentionMutation | None, str]:
    """What the log gets for a write, None where there is nothing to do; and the answer."""
    if op == CREATE:
        return _create(rights, given)
    if op == UPDATE:
        return _update(db, rights, given), given.ID or ""
    if op == UPSERT:
        return _upsert(db, rights, given), ""
    if op == DELETE and given.ID:
        old = _stored(db, given.ID)
        if old is None:
            raise InternalError(f"Cannot delete non-existent intention: '{given.ID}'")
        _require_write(rights, old, "Deletion operation on intention", intention=given.ID)
        return IntentionMutation(ID=given.ID), given.ID
    if op == DELETE:
        return _delete(db, rights, given), ""
    raise InternalError(f"Invalid Intention operation: {op}")


def _create(rights: Authorizer, given: Intention) -> tuple[IntentionMutation, str]:
    _require_write(rights, given, "Intention creation", **_ends(given))
    if given.ID:
        raise InternalError("ID must be empty when creating a new intention")
    given = changed(given, ID=str(uuid.uuid4()), SourceType=given.SourceType or "consul")
    given.check()
    value = given.as_source(legacy=True, now=_now())
    return IntentionMutation(Destination=ServiceName(Name=given.DestinationName), Value=value), given.ID or ""


def _update(db: Store, rights: Authorizer, given: Intention) -> IntentionMutation:
    old = _stored(db, given.ID or "")
    if old is None:
        raise InternalError(f"Cannot modify non-existent intention: '{given.ID}'")
    _require_write(rights, old, "Update operation on intention", intention=given.ID)
    if old.DestinationName != given.DestinationName:
        raise InternalError("Cannot modify Destination partition/namespace/name for an intention once it exists.")
    given = changed(given, SourceType=given.SourceType or "consul")
    given.check()
    return IntentionMutation(ID=given.ID or "", Value=given.as_source(legacy=True, now=_now()))


def _upsert(db: Store, rights: Authorizer, given: Intention) -> IntentionMutation:
    if given.ID:
        raise InternalError("ID must not be specified")
    _require_write(rights, given, "Intention upsert", **_ends(given))
    entry = entry_of(db, ServiceIntentions, given.DestinationName)
    if given.Meta:
        if entry is None:
            raise InternalError("Meta must not be specified")
        if given.Meta != (entry.Meta or {}):
            raise InternalError("Meta must not be specified, or should be unchanged during an update.")
        given = changed(given, Meta=UNSET)
    return IntentionMutation(
        Destination=ServiceName(Name=given.DestinationName),
        Source=ServiceName(Name=given.SourceName),
        Value=given.as_source(legacy=False),
    )


def _delete(db: Store, rights: Authorizer, given: Intention) -> IntentionMutation | None:
    _require_write(rights, given, "Intention delete", **_ends(given))
    ask = IntentionQueryExact(SourceName=given.SourceName, DestinationName=given.DestinationName)
    if not given.SourceName:
        raise InternalError("Intention lookup failed: 1 error occurred:\n\t* SourceName is missing\n\n")
    if exact_intention(db, ask) is None:
        return None
    return IntentionMutation(
        Destination=ServiceName(Name=given.DestinationName), Source=ServiceName(Name=given.SourceName)
    )


def _require_write(rights: Authorizer, given: Intention, what: str, **which: object) -> None:
    """Intentions belong to their destination; no token may write one to nobody. Consul names nothing here.

    ``what`` was to be done with ``which`` is for the log alone.
    """
    if not given.DestinationName or not rights.allows("intention", Access.WRITE, given.DestinationName):
        _tell_denied(rights, what, **which)
        raise PermissionDenied


def _tell_denied(rights: Authorizer, what: str, **which: object) -> None:
    log.debug(f"{what} denied due to ACLs", **which, accessorID=rights.holder)


def _ends(given: Intention) -> dict[str, str]:
    return {"source": given.SourceName, "destination": given.DestinationName}


def _stored(db: Store, intention_id: str) -> Intention | None:
    with blamed("Intention lookup failed"):
        return intention_with_id(db, intention_id)


def _now() -> str:
    return text_of_nanoseconds(time.time_ns())


@rpc("Intention.Get")
async def get(srv: Server, ask: IntentionQueryRequest) -> IndexedIntentions:
    """One intention, by ID or by names, as a list of one. Raises NotFound."""
    srv.require_connect()
    if ask.Exact is not None and not ask.IntentionID:
        _check_exact(ask.Exact)

    def read(db: Store, ws: WatchSet) -> IndexedIntentions:
        rights = srv.acl.authorizer(ask.Token, ws)
        found = None
        if ask.IntentionID:
            found = intention_with_id(db, ask.IntentionID, ws)
        elif ask.Exact is not None:
            found = exact_intention(db, ask.Exact, ws)
        if found is None:
            raise NotFound(NOT_FOUND)
        if acl_filter.intentions(rights, [found])[1]:
            _tell_denied(rights, "Request to get intention", intention=ask.IntentionID)
            raise PermissionDenied
        return IndexedIntentions(Index=entries_index(db, ws), Intentions=[found])

    return await srv.read(ask, read)


def _check_exact(exact: IntentionQueryExact) -> None:
    for side, namespace in (("Source", exact.SourceNS), ("Destination", exact.DestinationNS)):
        if not is_default_namespace(namespace):
            raise InternalError(f"Invalid {side}NS {quote(namespace)}: {_ENTERPRISE}")
    named = (("Source", exact.SourceName), ("Destination", exact.DestinationName))
    refuse([f"{side}Name is missing" for side, name in named if not name])


def is_default_namespace(namespace: str) -> bool:
    """Whether this is the one namespace that the community edition has, or none."""
    return namespace.lower() in ("", DEFAULT_NAMESPACE)


@rpc("Intention.List")
async def list_intentions(srv: Server, ask: IntentionListRequest) -> IndexedIntentions:
    """All intentions in the order in which they count."""
    srv.require_connect()
    keep = await rows_filter(ask.Filter, Intention)

    def read(db: Store, ws: WatchSet) -> IndexedIntentions:
        index, found = all_intentions(db, ws)
        found, filtered = acl_filter.intentions(srv.acl.authorizer(ask.Token, ws), found)
        return IndexedIntentions(
            Index=index, Intentions=keep(found), DataOrigin="config", ResultsFilteredByACLs=filtered
        )

    return await srv.read(ask, read)


@rpc("Intention.Match")
async def match(srv: Server, ask: IntentionQueryRequest) -> IndexedIntentionMatches:
    """The intentions of several services, a list (or null) for each."""
    srv.require_connect()
    wanted = ask.Match
    if wanted is None:
        raise InternalError("Match must be specified on args")
    for entry in wanted.Entries or ():
        if not is_default_namespace(entry.Namespace):
            raise InternalError(f"Invalid match entry namespace {quote(entry.Namespace)}: {_ENTERPRISE}")
        if (entry.Partition or "").lower() not in ("", "default"):
            raise InternalError(
                f"Invalid match entry partition {quote(entry.Partition or '')}: "
                "Partitions is a Consul Enterprise feature"
            )

    def read(db: Store, ws: WatchSet) -> IndexedIntentionMatches:
        rights = srv.acl.authorizer(ask.Token, ws)
        for entry in wanted.Entries or ():
            if entry.Name and not rights.allows("intention", Access.READ, entry.Name):
                _tell_denied(rights, "Operation on intention prefix", prefix=entry.Name)
                raise rights.denied("intention", Access.READ, entry.Name)
        found = [matching(db, entry.Name, wanted.Type, ws) or None for entry in wanted.Entries or ()]
        return IndexedIntentionMatches(Index=max(entries_index(db, ws), 1), Matches=found)

    return await srv.read(ask, read, found=lambda reply: any(reply.Matches or ()), content=lambda reply: reply.Matches)


@rpc("Intention.Check")
async def check(srv: Server, ask: IntentionQueryRequest) -> IntentionQueryCheckResponse:
    """Whether a call is allowed; one that depends on its requests is not."""
    srv.require_connect()
    query = ask.Check
    if query is None:
        raise InternalError("Check must be specified on args")
    for side, namespace in (("source", query.SourceNS), ("destination", query.DestinationNS)):
        if not is_default_namespace(namespace):
            raise InternalError(f"Invalid {side} namespace {quote(namespace)}: {_ENTERPRISE}")
    if query.SourceType != "consul":
        raise InternalError(f"unsupported SourceType: {quote(query.SourceType)}")
    rights = srv.acl.authorizer(ask.Token)
    if query.DestinationName and not rights.allows("service", Access.READ, query.DestinationName):
        _tell_denied(rights, "test on intention", prefix=query.DestinationName)
        raise rights.denied("service", Access.READ, query.DestinationName)
    found = matching(srv.db, query.SourceName, BY_SOURCE)
    default = rights.intention_default_allow()
    decision = decide(found, query.DestinationName, BY_DESTINATION, default_allow=default, allow_permissions=False)
    return IntentionQueryCheckResponse(Allowed=decision.Allowed)


@rpc("Internal.GatewayIntentions")
async def gateway_intentions(srv: Server, ask: IntentionQueryRequest) -> IndexedIntentions:
    """The intentions of the services behind a gateway.

    Consul tells those that it has listed by their IDs; those of today have none, so that one of them is shown.
    """
    entries = (ask.Match.Entries if ask.Match is not None else None) or []
    if len(entries) != 1:
        raise InternalError(f"Expected 1 gateway name, got {len(entries)}")
    gateway = entries[0].Name

    def read(db: Store, ws: WatchSet) -> IndexedIntentions:
        rights = srv.acl.authorizer(ask.Token, ws)
        rights.require("service", Access.READ, gateway)
        index, mappings = services_of_gateway(db, gateway, ws)
        found: dict[str, Intention] = {}
        for mapping in mappings:
            index = max(index, entries_index(db, ws))
            for one in matching(db, mapping.Service.Name, BY_DESTINATION, ws):
                found.setdefault(one.ID or "", one)
        seen, filtered = acl_filter.intentions(rights, list(found.values()))
        return IndexedIntentions(Index=index, Intentions=seen, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)
