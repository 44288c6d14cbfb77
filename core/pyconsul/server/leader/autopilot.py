"""Autopilot on the leader of a single server: its first settings, and the health that it reports."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pyconsul.server.state.autopilot import autopilot_config
from pyconsul.server.state.catalog import node_named
from pyconsul.structs.messages import MessageType
from pyconsul.structs.operator import AutopilotServer, AutopilotSetConfigRequest, AutopilotState

if TYPE_CHECKING:
    from pyconsul.server.server import Server


class Autopilot:
    """What the leader knows of the servers' health; the only server is healthy while it leads."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stable_since = ""

    async def start(self) -> None:
        """Write the configured settings where there are none yet."""
        self._stable_since = _rfc3339(time.time())
        if autopilot_config(self._server.db) is None:
            request = AutopilotSetConfigRequest(Config=self._server.config.autopilot)
            await self._server.propose(MessageType.AUTOPILOT, request)

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
            LastIndex=server.consensus.last_index,
            Healthy=True,
            StableSince=self._stable_since,
            Status="leader",
            Meta=None if node is None else node.Meta,
            NodeType="voter",
        )


def _rfc3339(unix: float) -> str:
    moment = datetime.fromtimestamp(unix, UTC)
    fraction = f".{moment.microsecond:06d}".rstrip("0") if moment.microsecond else ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S") + fraction + "Z"
