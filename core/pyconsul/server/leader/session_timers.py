"""TTL timers of sessions: leader memory, twice the TTL, re-armed by every renewal (``wire/fsm.md`` section 2)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from pyconsul.memdb import Store
from pyconsul.primitives.durations import parse_duration
from pyconsul.server.state.sessions import all_sessions
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.messages import MessageType
from pyconsul.structs.session import Session, SessionRequest
from pyconsul.telemetry import metrics
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server")

_INVALIDATED: Final = metrics.timing("session_ttl.invalidate")

TTL_MULTIPLIER = 2  # the TTL is what a client may rely on, not when its session ends
RETRY_BASE = 10.0  # seconds before the second attempt to end a session, doubled for each further one
MAX_ATTEMPTS = 6


class SessionTimers:
    """One timer per session with a TTL."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._timers)

    def arm(self, session: Session) -> None:
        """Start, or start again, the timer of a session; one without a TTL has none."""
        ttl_ns = parse_duration(session.TTL) if session.TTL else 0
        if ttl_ns <= 0:
            return
        self.clear(session.ID)
        loop = asyncio.get_running_loop()
        self._timers[session.ID] = loop.call_later(ttl_ns * TTL_MULTIPLIER / 1e9, self._expire, session.ID)

    def arm_all(self, db: Store) -> None:
        """Give every session of the state its full time, as a new leader does."""
        self.clear_all()
        for session in all_sessions(db):
            self.arm(session)

    def clear(self, session_id: str) -> None:
        """Stop the timer of a session."""
        timer = self._timers.pop(session_id, None)
        if timer is not None:
            timer.cancel()

    def clear_all(self) -> None:
        """Stop all timers and what they began."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for task in self._tasks:
            task.cancel()

    def _expire(self, session_id: str) -> None:
        self._timers.pop(session_id, None)
        task = asyncio.get_running_loop().create_task(self._invalidate(session_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _invalidate(self, session_id: str) -> None:
        """End a session through the log, as a client would; tried again with longer and longer pauses."""
        request = SessionRequest(
            Datacenter=self._server.config.datacenter, Op="destroy", Session=Session(ID=session_id)
        )
        began = time.perf_counter()
        for attempt in range(MAX_ATTEMPTS):
            try:
                await self._server.propose(MessageType.SESSION, request)
            except ConsulError as error:
                log.error("Invalidation failed", error=error)
                await asyncio.sleep(RETRY_BASE * 2**attempt)
            else:
                _INVALIDATED.add((time.perf_counter() - began) * 1000)
                log.debug("Session TTL expired", session=session_id)
                return
        log.error("maximum revoke attempts reached for session", error=session_id)
