"""Autopilot on the leader of a single server: its first settings, and the health that it reports."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from pyconsul.server.state.autopilot import autopilot_config
from pyconsul.server.state.catalog import node_named
from pyconsul.structs.gotime import text_of_nanoseconds
from pyconsul.structs.messages import MessageType
from pyconsul.structs.operator import AutopilotServer, AutopilotSetConfigRequest, AutopilotState

if TYPE_CHECKING:
    from pyconsul.server.server import Server


UPDATE_INTERVAL = 2.0  # seconds between two looks at the servers' logs


class Autopilot:
    """What the leader knows of the servers' health; the only server is healthy while it leads.

    The newest log entry of a server is known as of the last look, up to two seconds ago, as in Consul. The first look
    is from before the leader wrote its no-op.
    """

    def __init__(self, server: Server, clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._stable_since = ""
        self._last_index = 0
        self._looked_at = 0.0

    def look(self) -> None:
        """Look at the log for the first time, as it was before the election wrote its entry."""
        self._last_index = self._server.consensus.last_index - 1
        self._looked_at = self._clock()

    async def start(self) -> None:
        """Write the configured settings where there are none yet, after a restore as at the beginning."""
        self._stable_since = self._stable_since or text_of_nanoseconds(time.time_ns())
        if autopilot_config(self._server.db) is None:
            request = AutopilotSetConfigRequest(Config=self._server.config.autopilot)
            await self._server.propose(MessageType.AUTOPILOT, request)

    def last_index(self) -> int:
        """The newest log entry at the last look."""
        now = self._clock()
        if now - self._looked_at >= UPDATE_INTERVAL:
            self._last_index, self._looked_at = self._server.consensus.last_index, now
        return self._last_index

    def state(self) -> AutopilotState | None:
        """The servers and their health; None until this server has begun to lead."""
        if not self._stable_since:
            return None
        consensus = self._server.consensus
        servers = {s.id: self._server_state(s.id, s.address) for s in consensus.configuration().servers}
        return AutopilotState(
            Healthy=all(s.Healthy for s in servers.values()),
            FailureTolerance=0,
            OptimisticFailureTolerance=0,
            Servers=servers,
            Leader=self._server.config.node_id if consensus.is_leader else "",
            Voters=list(servers),
        )

    def _server_state(self, server_id: str, address: str) -> AutopilotServer:
        server = self._server
        node = node_named(server.db, server.config.node_name)
        return AutopilotServer(
            ID=server_id,
            Name=server.config.node_name,
            Address=address,
            NodeStatus="alive",
            Version=server.config.version,
            LastTerm=server.consensus.term,
            LastIndex=self.last_index(),
            Healthy=True,
            StableSince=self._stable_since,
            Status="leader",
            Meta=None if node is None else node.Meta,
            NodeType="voter",
        )
