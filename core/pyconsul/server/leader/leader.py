"""The leader's duties, begun when leadership is won and dropped when it is lost."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from pyconsul.memdb import WatchSet
from pyconsul.primitives.durations import format_duration
from pyconsul.server.leader.acl import TokenReaper, initialize_acls
from pyconsul.server.leader.autopilot import Autopilot
from pyconsul.server.leader.bootstrap_entries import write_bootstrap_entries
from pyconsul.server.leader.federation import FederationSync
from pyconsul.server.leader.lock_delays import LockDelays
from pyconsul.server.leader.reconciliation import Reconciliation
from pyconsul.server.leader.session_timers import SessionTimers
from pyconsul.server.leader.system_metadata import enable_virtual_ips
from pyconsul.server.leader.tombstones import TombstoneReaper
from pyconsul.server.state.kv import TombstoneLeft
from pyconsul.server.state.sessions import KeysDelayed, SessionEnded
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server")


class Leader:
    """Timers and memory that only the leader has; none of it is in the log."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.lock_delays = LockDelays()
        self.session_timers = SessionTimers(server)
        self.tombstones = TombstoneReaper(server)
        self.autopilot = Autopilot(server)
        self.federation = FederationSync(server)
        self.token_reaper = TokenReaper(server)
        self.reconciliation = Reconciliation(server)
        self._watches: dict[object, set[WatchSet]] = {}

    def watch(self, ws: WatchSet) -> None:
        """Let ``ws`` fire when leadership comes or goes."""
        ws.watch(self._watches, None)

    def _leadership_changed(self) -> None:
        for ws in list(self._watches.get(None, ())):
            ws.fire()

    def on_note(self, event: object) -> None:
        """Take what the state left for the leader after a commit."""
        match event:
            # From now on, also where a replay finds it: no clock is in the log, and rather too long than not at all.
            case KeysDelayed(keys, delay_ns):
                self.lock_delays.hold(keys, asyncio.get_running_loop().time(), delay_ns / 1e9)
            case SessionEnded(session_id):
                self.session_timers.clear(session_id)
            case TombstoneLeft():
                self.tombstones.schedule(event.index)
            case _:
                log.error("nobody takes this note", note=repr(event))

    async def start(self, *, restored: bool = False) -> None:
        """Arm the timers of what a restart or a restore found in the state, and enter this server into the catalog.

        The nodes of a snapshot that was ``restored`` stay until the next look at the members, as in Consul.
        """
        began = time.perf_counter_ns()
        self._leadership_changed()
        if restored:
            self.lock_delays = LockDelays()  # those of the state that is gone
        self.session_timers.arm_all(self.server.db)
        self.tombstones.start()
        await self._start_acls()
        await self.autopilot.start()
        if self.server.config.connect_enabled:
            await enable_virtual_ips(self.server)
        await (self.reconciliation.enter_own_member() if restored else self.reconciliation.reconcile())
        await write_bootstrap_entries(self.server, self.server.config.bootstrap_entries)
        self.federation.routine.start()
        self.reconciliation.routine.start()
        log.debug("successfully established leadership", duration=format_duration(time.perf_counter_ns() - began))

    async def _start_acls(self) -> None:
        if self.server.acl.enabled:
            await initialize_acls(self.server)
            self.token_reaper.routine.start()

    async def stop(self) -> None:
        """Drop all timers."""
        self._leadership_changed()
        self.reconciliation.routine.stop()
        self.federation.routine.stop()
        self.token_reaper.routine.stop()
        self.session_timers.clear_all()
        self.tombstones.stop()
