"""Following one watch: asking for changes, and handing each to the handler until it takes it."""

from __future__ import annotations

import asyncio
import enum
import hashlib
import logging
import time
from typing import Any

import msgspec

from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.system_errors import words_of
from pyconsul.sdk.client import AsyncClient
from pyconsul.sdk.errors import ConsulError
from pyconsul.sdk.results import UserEvent
from pyconsul.sdk.watch import Update, fetch, updates
from pyconsul.toolkit.retry import RetryPolicy
from pyconsul.toolkit.stanzas import SECOND
from pyconsul_watch.config import Watch
from pyconsul_watch.handlers import HandlerFailed, call
from pyconsul_watch.state import EVENT_LIMIT, Delivered, State

logger = logging.getLogger("pyconsul_watch.watch")


class Phase(enum.Enum):
    """What a watch is doing."""

    STARTING = "starting"
    WAITING = "waiting"
    RUNNING = "running"
    RETRYING = "retrying"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


class Progress(msgspec.Struct):
    """What a display may want to know. ``changed_at`` is the wall clock's time of the last successful call."""

    phase: Phase = Phase.STARTING
    calls: int = 0
    changed_at: float = 0.0
    last_error: str = ""


class Surroundings(msgspec.Struct):
    """What all followers share."""

    client: AsyncClient
    state: State
    retry: RetryPolicy
    slots: asyncio.Semaphore


class Follower:
    """One watch at work. Calls of one watch never overlap; a newer value takes the place of one still waiting."""

    def __init__(self, watch: Watch, around: Surroundings) -> None:
        self.watch = watch
        self.progress = Progress()
        self.answered = asyncio.Event()
        """Set once the watch has its first answer (or error)."""
        self._around = around
        self._pending: Update | None = None
        self._arrived = asyncio.Event()
        self._stopping = False

    async def run(self) -> None:
        """Work until cancelled or stopped. Raises ConsulError when the watch can never work."""
        asking = asyncio.create_task(self._ask())
        delivering = asyncio.create_task(self._deliver_all())
        try:
            await asyncio.wait([asking, delivering], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.answered.set()
            for task in (asking, delivering):
                task.cancel()
            await asyncio.wait([asking, delivering])
        for task in (asking, delivering):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def once(self) -> bool:
        """Deliver what is new by now. Returns whether that went well."""
        try:
            self._take(await fetch(self._around.client, self.watch.plan))
        except ConsulError as error:
            self._unreachable(error)
            return False
        update, self._pending = self._pending, None
        return update is None or await self._deliver(update)

    def stop(self) -> None:
        """Start no further call; one that runs may end."""
        self._stopping = True
        self._arrived.set()

    # -- asking ------------------------------------------------------------------------

    async def _ask(self) -> None:
        async for update in updates(self._around.client, self.watch.plan, self._errored):
            self._take(update)
            self.answered.set()

    def _errored(self, error: ConsulError, pause: float) -> None:
        self._unreachable(error)
        logger.error("%s: %s (retry after %gs)", self.watch.id, error, pause)

    def _unreachable(self, error: ConsulError) -> None:
        self.progress.phase = Phase.UNREACHABLE
        self.progress.last_error = str(error)
        self.answered.set()

    def _take(self, update: Update) -> None:
        """Put a value in the queue of one: events add up there, other values replace the one that waits."""
        if self.progress.phase in (Phase.STARTING, Phase.UNREACHABLE):
            self.progress.phase = Phase.WAITING
        self._pending = update if self._pending is None else self._joined(self._pending, update)
        self._arrived.set()

    # -- delivering -------------------------------------------------------------------

    async def _deliver_all(self) -> None:
        while not self._stopping:
            await self._arrived.wait()
            self._arrived.clear()
            update, self._pending = self._pending, None
            if update is not None and not self._stopping:
                await self._deliver(update)

    async def _deliver(self, update: Update) -> bool:
        """Call the handler until it takes the value, a newer one comes, or the attempts are used up.

        Whether a value is news is decided here, against what was delivered last: while a call is running the
        data may well go back to what they were before it.
        """
        failures = 0
        while True:
            news = self._news(update)
            if news is None:
                self.progress.phase = Phase.WAITING
                return True
            self.progress.phase = Phase.RUNNING
            try:
                async with self._around.slots:
                    if self._stopping:
                        return False
                    body = self.watch.plan.to_json(news.value)
                    await call(self.watch.handler, body, news.index, self.watch.id)
            except HandlerFailed as error:
                pause = None if self._stopping else self._around.retry.pause_ns(failures)
                failures += 1
                self._failed(str(error), failures, pause)
                if pause is None:
                    return False
                newer = await self._newer_within(pause / SECOND)
                if self._stopping:
                    return False
                if newer is not None:
                    update, failures = self._joined(update, newer), 0
                continue
            self._succeeded(news)
            return True

    def _news(self, update: Update) -> Update | None:
        """What of a value was not delivered yet, also not in an earlier life; None when there is nothing."""
        known = self._around.state.of(self.watch.id)
        if known is None and self.watch.skip_first:
            self._around.state.note(self.watch.id, self._delivered(update))
            self._save()
            return None
        if self.watch.plan.type == "event":
            seen = set(known.events) if known is not None else set[str]()
            fresh = [event for event in update.value if event.ID not in seen]
            return msgspec.structs.replace(update, value=fresh) if fresh else None
        return None if known is not None and known.digest == self._digest(update) else update

    def _failed(self, message: str, failures: int, pause: int | None) -> None:
        self.progress.last_error = message
        if pause is None:
            self.progress.phase = Phase.FAILED
            logger.error("%s: %s (given up after %d attempts)", self.watch.id, message, failures)
        else:
            self.progress.phase = Phase.RETRYING
            shown = format_duration(pause)
            logger.warning("%s: %s (attempt %d, next after %s)", self.watch.id, message, failures, shown)

    async def _newer_within(self, seconds: float) -> Update | None:
        """The newest value that arrives while waiting."""
        try:
            async with asyncio.timeout(seconds):
                await self._arrived.wait()
        except TimeoutError:
            return None
        self._arrived.clear()
        newer, self._pending = self._pending, None
        return newer

    def _joined(self, old: Update, new: Update) -> Update:
        """What to deliver in place of a value that waits or was refused: events add up, others are replaced."""
        if self.watch.plan.type != "event":
            return new
        events: list[UserEvent] = old.value
        known = {event.ID for event in events}
        fresh = [event for event in new.value if event.ID not in known]
        return msgspec.structs.replace(new, value=[*events, *fresh])

    def _succeeded(self, update: Update) -> None:
        self._around.state.note(self.watch.id, self._delivered(update))
        self._save()
        self.progress.calls += 1
        self.progress.changed_at = time.time()
        self.progress.phase = Phase.WAITING
        logger.info("%s: delivered index %s", self.watch.id, update.mark)

    def _save(self) -> None:
        # At once and not in a thread: between the handler's end and the disk nothing else should happen.
        try:
            self._around.state.save()
        except OSError as error:
            logger.error("state cannot be saved: %s", words_of(error))

    def _delivered(self, update: Update) -> Delivered:
        if self.watch.plan.type != "event":
            return Delivered(self._digest(update), update.index)
        known = self._around.state.of(self.watch.id)
        before = known.events if known is not None else ()
        events: Any = update.value
        return Delivered("", update.index, (*before, *(event.ID for event in events))[-EVENT_LIMIT:])

    def _digest(self, update: Update) -> str:
        return hashlib.sha256(self.watch.plan.to_json(update.value)).hexdigest()
