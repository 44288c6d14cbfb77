"""How the agent calls RPC methods: on a server a plain call; a client agent will choose a server here."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyconsul.server.server import Server

Rpc = Callable[[str, Any], Awaitable[Any]]


def rpc_of(server: Server) -> Rpc:
    """The RPC function of an agent that is a server itself."""
    return server.call
