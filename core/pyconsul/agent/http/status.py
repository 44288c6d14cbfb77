"""``/v1/status``: who leads."""

from __future__ import annotations

from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.structs.wire import ReadRequest


@route("GET", "/v1/status/leader")
async def status_leader(req: Request) -> Reply:
    """``address:port`` of the leader as a JSON string; "" while there is none."""
    ask = ReadRequest(**req.read_options(refuse_enterprise=False))
    return Reply(await req.rpc("Status.Leader", ask, str))


@route("GET", "/v1/status/peers")
async def status_peers(req: Request) -> Reply:
    """``address:port`` of every server as a list."""
    ask = ReadRequest(**req.read_options(refuse_enterprise=False))
    return Reply(await req.rpc("Status.Peers", ask, list))
