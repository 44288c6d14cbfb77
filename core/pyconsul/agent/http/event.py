"""``/v1/event``: fire user events and read the newest ones."""

from __future__ import annotations

import asyncio

from pyconsul.agent.events import check, index_of
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.memdb import WatchSet
from pyconsul.server.blocking import MAX_WAIT_NS
from pyconsul.structs.errors import BadRequest
from pyconsul.structs.event import UserEvent


@route("PUT", "/v1/event/fire/{name...}")
async def event_fire(req: Request) -> Reply:
    """Spread an event; answers it with its ID."""
    req.refuse_enterprise()
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
    req.agent.server.refuse_other_datacenters(req.datacenter())
    return Reply(req.agent.events.fire(event))


@route("GET", "/v1/event/list")
async def event_list(req: Request) -> Reply:
    """The newest events of this agent, oldest first; waits while the index is the one the client has seen."""
    options = req.wait_options()
    wait_ns = min(options.get("MaxQueryTime", 0) or MAX_WAIT_NS, MAX_WAIT_NS)
    seen: int = options.get("MinQueryIndex", 0)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_ns / 1e9
    while True:
        news = asyncio.Event()
        with WatchSet(on_fire=news.set) as ws:
            events = req.agent.events.list(req.query.get("name"), ws)
            index = index_of(events)
            if not seen or index != seen or loop.time() >= deadline:
                return Reply(events, headers={"X-Consul-Index": str(index)})
            try:
                async with asyncio.timeout_at(deadline):
                    await news.wait()
            except TimeoutError:
                return Reply(events, headers={"X-Consul-Index": str(index)})
