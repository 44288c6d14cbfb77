"""RPC methods that tell who leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.server.blocking import REPLY_WATCH
from pyconsul.server.registry import rpc
from pyconsul.structs.wire import ReadRequest

if TYPE_CHECKING:
    from pyconsul.server.server import Server


@rpc("Status.Ping")
async def ping(srv: Server, ask: ReadRequest) -> None:
    """Answer that the server is there."""
    del srv, ask


@rpc("Status.Leader")
async def leader(srv: Server, ask: ReadRequest) -> str:
    """``address:port`` of the leader, or nothing while there is none."""
    del ask
    _watch_leadership(srv)
    return srv.raft_addresses()[0] if srv.consensus.known_leader else ""


@rpc("Status.Peers")
async def peers(srv: Server, ask: ReadRequest) -> list[str]:
    """``address:port`` of every server of the Raft configuration."""
    del ask
    _watch_leadership(srv)
    return list(srv.raft_addresses())


def _watch_leadership(srv: Server) -> None:
    """A kept reply is good until leadership moves."""
    if (ws := REPLY_WATCH.get()) is not None:
        srv.leader.watch(ws)
