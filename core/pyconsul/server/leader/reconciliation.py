"""The catalog follows the members: the leader's own entry stands, and who claims to be a member and is none goes.

A single server is its only member. Nodes without the check that gossip keeps were entered by somebody else and stay.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from pyconsul.server.leader.registration import register_own_member
from pyconsul.server.state.catalog import check_of_node
from pyconsul.server.state.catalog_tables import NODES
from pyconsul.structs.catalog import DeregisterRequest
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.health import SERF_CHECK_ID
from pyconsul.structs.messages import MessageType
from pyconsul.telemetry import metrics
from pyconsul.telemetry.logging import logger
from pyconsul.telemetry.routines import Routine

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server")

metrics.declare("summary", "leader.reconcile", "leader.reconcileMember")

INTERVAL: Final = 60.0  # seconds between two looks, as in Consul
_NODES_AT_ONCE: Final = 500  # some 2 ms of looking


class Reconciliation:
    """Looks once when the lead is taken, and every minute from then on. ``interval`` in seconds."""

    def __init__(self, server: Server, interval: float = INTERVAL) -> None:
        self._server = server
        self._interval = interval
        self.routine: Final = Routine("reconciliation", self._run, log)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.reconcile()
            except ConsulError as error:
                log.error("failed to reconcile", error=error.text)

    async def reconcile(self) -> None:
        """Enter all members into the catalog, take out who is none; writes nothing where all is as it should be."""
        with metrics.measure("leader.reconcile"):
            await self.enter_own_member()
        for node in await self._strangers():
            log.info("deregistering member", member=node, partition="default", reason="reaped")
            request = DeregisterRequest(Datacenter=self._server.config.datacenter, Node=node)
            await self._server.propose(MessageType.DEREGISTER, request)

    async def enter_own_member(self) -> None:
        """Enter this server into the catalog. What the state refuses is told, and tried again with the next look.

        A snapshot of another server may bring a node of the same name and another ID: the name is not free as long as
        that one's check passes. The data are there all the same, and must be served.
        """
        try:
            with metrics.measure("leader.reconcileMember"):
                await register_own_member(self._server)
        except ConsulError as error:
            name = self._server.config.node_name
            log.error("failed to reconcile member", member=name, partition="default", error=error.text)

    async def _strangers(self) -> list[str]:
        """Nodes with the check of a member that are none. Other work goes on between any few of them."""
        own = self._server.config.node_name.lower()
        found: list[str] = []
        for at, node in enumerate(self._server.db.all(NODES)):
            if at % _NODES_AT_ONCE == _NODES_AT_ONCE - 1:
                await asyncio.sleep(0)
            if node.PeerName or node.Node.lower() == own:
                continue
            if check_of_node(self._server.db, node.Node, SERF_CHECK_ID) is not None:
                found.append(node.Node)
        return found
