"""``/v1/event``: fire user events and read the newest ones."""

from __future__ import annotations

import asyncio

from pyconsul.acl import Access, Authorizer
from pyconsul.agent.access import accessor_alias
from pyconsul.agent.events import check, index_of
from pyconsul.agent.http.reply import Reply, filtered_headers
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.memdb import WatchSet
from pyconsul.server.blocking import MAX_WAIT_NS
from pyconsul.structs.errors import AclNotFound, BadRequest, ConsulError, InternalError, PermissionDenied
from pyconsul.structs.event import UserEvent
from pyconsul.telemetry import logger

_log = logger("agent")
_internal_log = logger("agent.server.internal")


@route("PUT", "/v1/event/fire/{name...}")
async def event_fire(req: Request) -> Reply:
    """Spread an event; answers it with its ID."""
    query = req.query
    event = UserEvent(
        Name=req.path["name"],
        Payload=req.body or None,
        NodeFilter=query.get("node"),
        ServiceFilter=query.get("service"),
        TagFilter=query.get("tag"),
    )
    if not event.Name:
        raise BadRequest("Missing name")
    check(event)
    _admit(req)
    req.agent.server.refuse_other_datacenters(req.datacenter(), "Internal.EventFire")
    _require_fire(req, event.Name)
    return Reply(req.agent.events.fire(event))


def _admit(req: Request) -> None:
    """Raise InternalError where the servers get too many writes: Consul has begun its reply by then."""
    try:
        req.agent.server.limits.admit("Internal.EventFire")
    except ConsulError as error:
        raise InternalError(error.text) from None


def _require_fire(req: Request, name: str) -> None:
    """Raise PermissionDenied, without saying what is missing, unless the asker may fire this event.

    A token that nobody knows is an InternalError, as from Consul, which has begun its reply by then.
    """
    try:
        authorizer = req.authorizer()
    except AclNotFound as error:
        raise InternalError(error.text) from None
    if not authorizer.allows("event", Access.WRITE, name):
        _internal_log.warn("user event blocked by ACLs", event=name, accessorID=accessor_alias(authorizer))
        raise PermissionDenied


@route("GET", "/v1/event/list")
async def event_list(req: Request) -> Reply:
    """The newest events of this agent, oldest first; waits while the index is the one the client has seen."""
    options = req.wait_options()
    wait_ns = min(options.get("MaxQueryTime", 0) or MAX_WAIT_NS, MAX_WAIT_NS)
    seen: int = options.get("MinQueryIndex", 0)
    authorizer = req.authorizer()
    headers: dict[str, str] = {}
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_ns / 1e9
    while True:
        news = asyncio.Event()
        with WatchSet(on_fire=news.set) as ws, req.agent.ending.wakes(news):
            found = req.agent.events.list(req.query.get("name"), ws)
            events = [event for event in found if _is_shown(authorizer, event.Name)]
            index = index_of(events)
            headers |= {"X-Consul-Index": str(index), **filtered_headers(req, len(found) - len(events))}
            if not seen or index != seen or loop.time() >= deadline or req.agent.ending.has_begun:
                return Reply(events, headers=headers)
            try:
                async with asyncio.timeout_at(deadline):
                    await news.wait()
            except TimeoutError:
                return Reply(events, headers=headers)


def _is_shown(authorizer: Authorizer, name: str) -> bool:
    if authorizer.allows("event", Access.READ, name):
        return True
    _log.debug("dropping event from result due to ACLs", event=name)
    return False
