"""What locks and semaphores have in common: a session that is kept while they contend and hold, and a watch over it."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import ClassVar, Self

import msgspec

from pyconsul.sdk.caller import Caller
from pyconsul.sdk.cursor import Cursor
from pyconsul.sdk.errors import (
    ConsulError,
    CoordinationError,
    CoordinationFailed,
    ServerError,
    SessionExpired,
    TransportError,
)
from pyconsul.sdk.keep import KeptSession
from pyconsul.sdk.request import QueryMeta, QueryOptions, Request
from pyconsul.sdk.tasks import Background, Signal, now, sleep, whole

_LOOK = 15.0  # seconds that the monitor waits for a change before it looks again: the agent may have gone silent
_PATIENCE = 30.0  # … and for its answer; servers wait up to a sixteenth longer


class Contender:
    """One handle. ``is_held`` says what it knows; ``lost`` is set when what it held is gone.

    Those built on it say how they contend, give back and watch, and what they call their errors.
    """

    already_held: ClassVar[type[CoordinationError]]
    not_held: ClassVar[type[CoordinationError]]
    not_acquired: ClassVar[type[CoordinationError]]

    def __init__(
        self,
        client: Caller,
        create: Request[str],
        *,
        session: str,
        ttl: float | str,
        monitor_retries: int,
        monitor_retry_time: float,
        try_once: bool,
        wait: float,
    ) -> None:
        self.is_held = False
        self.lost = Signal()
        self.session = session
        self._client = client
        self._create = create
        self._given_session = session
        self._ttl = ttl
        self._monitor_retries = monitor_retries
        self._monitor_retry_time = monitor_retry_time
        self._try_once = try_once
        self._wait = wait
        self._kept: KeptSession | None = None
        self._monitor: Background | None = None
        self._first_look: float | None = None
        self._is_unsure = False  # whether it may be ours without our knowing, since an answer did not come

    async def acquire(self) -> bool:
        """Wait until it is ours; False only with ``try_once``, when ``wait`` went by. Raises CoordinationError."""
        if self.is_held:
            raise self.already_held
        self.lost.clear()
        self._is_unsure, self._first_look = False, None
        await self._open_session()
        try:
            is_ours = await self._contend()
            self._is_unsure = is_ours
            self._require_session()
            if is_ours:
                self._monitor = self._client.background(self._watch)
            self.is_held = is_ours
        finally:
            if not self.is_held:
                await whole(self._abandon)
        return self.is_held

    async def release(self) -> None:
        """Give it back. Raises CoordinationError: that it is not held, or why it could not be given back."""
        if not self.is_held:
            raise self.not_held
        self.is_held = False
        await whole(self._let_go)

    async def __aenter__(self) -> Self:
        if not await self.acquire():
            raise self.not_acquired
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.is_held:
            return
        try:
            await self.release()
        except ConsulError:
            if error is None:  # else what ended the block matters more
                raise

    async def _contend(self) -> bool:
        """Try until it is ours; False when trying once took too long."""
        raise NotImplementedError

    async def _next_look(self, looks: Cursor) -> QueryOptions | None:
        """How to look next at who has it; None when trying once took too long. Raises SessionExpired."""
        self._require_session()
        if pause := looks.pause(now()):
            await sleep(pause)
        if self._first_look is None:
            self._first_look = now()
        elif self._try_once:
            left = self._wait - (now() - self._first_look)
            return msgspec.structs.replace(looks.options, wait=left) if left > 0 else None
        return looks.options

    async def _give_back(self) -> None:
        """Let others have it. Raises CoordinationFailed."""
        raise NotImplementedError

    async def _look(self, options: QueryOptions) -> tuple[bool, QueryMeta]:
        """Whether it is still ours, and what the answer's headers say. Raises ConsulError."""
        raise NotImplementedError

    async def _watch(self) -> None:
        """Set ``lost`` when it is no longer ours, or when the agent cannot be asked for too long."""
        cursor = Cursor(QueryOptions(consistency="consistent", timeout=_PATIENCE), _LOOK)
        retries = self._monitor_retries
        while True:
            if pause := cursor.pause(now()):
                await sleep(pause)
            try:
                is_ours, meta = await self._look(cursor.options)
                if not is_ours:
                    break
                cursor.took(meta)
            except (TransportError, ServerError):
                if retries <= 0:
                    break
                retries -= 1
                cursor.failed()
                await sleep(self._monitor_retry_time)
                continue
            except ConsulError:
                break
            retries = self._monitor_retries
        self.lost.set()

    async def _open_session(self) -> None:
        if self._given_session:
            self.session = self._given_session
            return
        kept = KeptSession(self._client, self._create, ttl=self._ttl, on_lost=self.lost.set)
        try:
            self.session = await kept.start()
        except ConsulError as error:
            raise CoordinationFailed(f"failed to create session: {error}") from error
        self._kept = kept

    def _require_session(self) -> None:
        """Raise SessionExpired if our session ended while we were contending."""
        if self.lost.is_set():
            raise SessionExpired

    async def _let_go(self) -> None:
        monitor, self._monitor = self._monitor, None
        try:
            if monitor is not None:
                await monitor.stop()
            await self._give_back()
        finally:
            await self._close_session()

    async def _abandon(self) -> None:
        """After contending in vain. Given back, it has no lock-delay, which it had if its session just ended."""
        if self._is_unsure:
            with suppress(ConsulError):
                await self._give_back()
        await self._close_session()

    async def _close_session(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            await kept.stop()
