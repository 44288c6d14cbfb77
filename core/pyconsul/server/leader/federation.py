"""The leader keeps its datacenter's federation state in step with the mesh gateways in the catalog."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from pyconsul.memdb import WatchSet
from pyconsul.server.leader.announced_routine import AnnouncedRoutine
from pyconsul.server.state.catalog_reads import check_service_nodes_of_kind
from pyconsul.server.state.federation import federation_state
from pyconsul.structs.catalog import KIND_MESH_GATEWAY
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.federation import FederationState, FederationStateRequest
from pyconsul.structs.gotime import text_of_nanoseconds
from pyconsul.structs.messages import MessageType
from pyconsul.structs.wire import UNSET
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server")

RETRY_DELAY = 1.0  # seconds after a write that failed: what is watched has not changed, and would not wake us


class FederationSync:
    """Writes the state where there is none or the gateways differ from it; sleeps on a watch in between."""

    def __init__(self, srv: Server) -> None:
        self._srv = srv
        self.routine: Final = AnnouncedRoutine("federation state anti-entropy", self._run, log)

    async def _run(self) -> None:
        while True:
            changed_again = asyncio.Event()
            with WatchSet(changed_again.set) as ws:
                try:
                    await self._sync(ws)
                except ConsulError as error:
                    log.error("error performing anti-entropy sync of federation state", error=error.text)
                    await asyncio.sleep(RETRY_DELAY)
                    continue
                await changed_again.wait()

    async def _sync(self, ws: WatchSet) -> None:
        db = self._srv.db
        datacenter = self._srv.config.datacenter
        _, gateways = check_service_nodes_of_kind(db, KIND_MESH_GATEWAY, "", ws)
        _, known = federation_state(db, datacenter, ws)
        if known is not None and (known.MeshGateways or []) == gateways:
            return
        now = text_of_nanoseconds(time.time_ns())
        state = FederationState(Datacenter=datacenter, MeshGateways=gateways or UNSET, UpdatedAt=now)
        await self._srv.propose(MessageType.FEDERATION_STATE, FederationStateRequest(Op="upsert", State=state))
        log.info("federation state anti-entropy synced")
