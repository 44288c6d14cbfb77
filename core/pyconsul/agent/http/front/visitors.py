"""Who is connected: the address of each client, and how many connections it holds of those it may have."""

from __future__ import annotations

import asyncio
from typing import Any

from pyconsul.primitives.listening import client_host


class Visitors:
    """The connections of all clients, by address. ``limit`` is for each address, 0 for none."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held: dict[str, int] = {}

    def arrive(self, transport: asyncio.BaseTransport) -> Visitor:
        """Count a connection, unless its client has too many; all those over unix sockets are one client."""
        peer: tuple[Any, ...] | str | None = transport.get_extra_info("peername")
        client, remote = "", "@"
        if isinstance(peer, tuple):
            client = client_host(str(peer[0]))
            remote = f"[{client}]:{peer[1]}" if ":" in client else f"{client}:{peer[1]}"
        held = self.held.get(client, 0)
        if 0 < self.limit <= held:
            return Visitor(self, client, remote, admitted=False)
        self.held[client] = held + 1
        return Visitor(self, client, remote, admitted=True)

    def forget(self, client: str) -> None:
        """One connection of this address has ended."""
        held = self.held.get(client, 0) - 1
        if held > 0:
            self.held[client] = held
        else:
            self.held.pop(client, None)


class Visitor:
    """One connection's client: address ("" over a unix socket), ``remote`` with its port, and whether it may stay."""

    __slots__ = ("_counted", "_visitors", "admitted", "client", "remote")

    def __init__(self, visitors: Visitors, client: str, remote: str, *, admitted: bool) -> None:
        self._visitors = visitors
        self._counted = admitted
        self.client = client
        self.remote = remote
        self.admitted = admitted

    def leave(self) -> None:
        """The connection has ended. Calling it again does nothing."""
        if self._counted:
            self._counted = False
            self._visitors.forget(self.client)
