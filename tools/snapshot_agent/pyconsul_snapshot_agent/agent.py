"""The daemon: stand for election, save while elected, give way when saving fails again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from pyconsul.primitives.durations import SECOND
from pyconsul.sdk import AsyncClient
from pyconsul.sdk.errors import ConsulError
from pyconsul.sdk.lock import Lock
from pyconsul.toolkit.status import StatusServer
from pyconsul_snapshot_agent.config import Config
from pyconsul_snapshot_agent.halt import Halt, Halted
from pyconsul_snapshot_agent.lines import logger
from pyconsul_snapshot_agent.login import connected
from pyconsul_snapshot_agent.registration import Registration
from pyconsul_snapshot_agent.saving import Saved, SaveFailed, Saver
from pyconsul_snapshot_agent.sealing import Keys
from pyconsul_snapshot_agent.stats import Stats, StatsStatus
from pyconsul_snapshot_agent.storage import Storage

_SESSION_NAME: Final = "Consul Snapshot Agent"
_MONITOR_RETRIES: Final = 3  # times that the agent may fail to answer before the lock counts as lost


class SnapshotAgent:
    """One run by one configuration."""

    def __init__(self, config: Config, targets: Sequence[Storage], keys: Keys) -> None:
        self.stats = Stats()
        self._config = config
        self._schedule = config.schedule
        self._saver = Saver(config.schedule, targets, keys, self.stats)
        self._refusals = 0
        self._status = StatusServer(StatsStatus(self.stats), config.status_addr, logger)

    async def run_once(self, halt: Halt) -> None:
        """Save once, without lock and registration. Raises SaveFailed, Halted, ToolError."""

        async def tell(_problem: str) -> None:
            """Nobody to tell but the log, which knows."""

        async with connected(self._config) as client:
            self._took(await self._saver.save(client, halt, tell))

    async def run(self, halt: Halt) -> None:
        """Work until told to stop. Raises ToolError for what no later try would mend."""
        logger.info("Snapshot agent running")
        await self._status.start()
        try:
            async with connected(self._config) as client:
                registration = Registration(client, self._schedule)
                await registration.start()
                try:
                    while not halt.is_set():
                        await self._stand(client, registration, halt)
                finally:
                    await registration.stop()
        finally:
            await self._status.stop()

    async def _stand(self, client: AsyncClient, registration: Registration, halt: Halt) -> None:
        """One candidacy: wait for the lock, then lead until the lock is lost or given back."""
        lock = client.lock(
            self._schedule.lock_key,
            value=registration.id,
            name=_SESSION_NAME,
            ttl=self._schedule.session_ttl / SECOND,
            lock_delay=self._schedule.lock_delay / SECOND,
            monitor_retries=_MONITOR_RETRIES,
            # No longer than the lock is held back: a short lock_delay asks for a quick take-over.
            delay_retry=min(5.0, max(0.1, self._schedule.lock_delay / SECOND)),
        )
        logger.info("Waiting to obtain leadership...")
        try:
            await halt.unless(lock.acquire())
        except Halted:
            return
        except ConsulError as error:
            logger.error("Cannot obtain leadership: %s", error)
            self.stats.problem = f"cannot obtain leadership: {error}"
            self._refusals += 1
            await halt.wait(self._pause(self._refusals))
            return
        self._refusals = 0
        logger.info("Obtained leadership")
        self.stats.is_leader, self.stats.problem = True, ""
        has_given_up = False
        try:
            has_given_up = await self._lead(client, registration, lock, halt)
        finally:
            self.stats.is_leader = False
            if not has_given_up:  # whatever it was, it is the next leader's business now
                self.stats.problem = ""
            await self._step_down(lock, registration)
        if has_given_up:  # the others are woken by the lock's release; let one of them have it
            await halt.wait(self._pause(self._schedule.max_failures))

    async def _lead(self, client: AsyncClient, registration: Registration, lock: Lock, halt: Halt) -> bool:
        """Save on schedule; True when too many snapshots failed."""
        term = Halt()
        watchers = [
            asyncio.create_task(_pass_on(lock.lost.wait(), term, lambda: "leadership was lost")),
            asyncio.create_task(_pass_on(halt.wait(), term, lambda: halt.reason)),
        ]
        try:
            await registration.report("warning", "no snapshot has been taken yet")
            await self._saver.sweep()
            return await self._save_on_schedule(client, registration, term)
        except Halted as halted:
            logger.info("Stopped saving: %s", halted)
            return False
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.wait(watchers)

    async def _save_on_schedule(self, client: AsyncClient, registration: Registration, term: Halt) -> bool:
        async def tell(problem: str) -> None:
            self.stats.problem = problem
            await registration.report("critical", problem)

        failures = 0
        while not term.is_set():
            started = time.monotonic()
            try:
                saved = await self._saver.save(client, term, tell)
            except SaveFailed as error:
                failures += 1
                self.stats.failures += 1
                logger.error("Snapshot failed (%d in a row): %s", failures, error)
                await tell(str(error))
                if failures >= self._schedule.max_failures:
                    logger.error("Giving up leadership after %d failed snapshots", failures)
                    return True
                await term.wait(self._pause(failures))
                continue
            failures = 0
            self._took(saved)
            await registration.report(
                "warning" if saved.complaints else "passing",
                "; ".join([f"Saved snapshot {saved.id}: index {saved.index}, {saved.size} bytes", *saved.complaints]),
            )
            await term.wait(max(0.0, self._schedule.interval / SECOND - (time.monotonic() - started)))
        return False

    def _took(self, saved: Saved) -> None:
        logger.info("Saved snapshot %d", saved.id)
        self.stats.snapshots += 1
        self.stats.last_id, self.stats.last_bytes = saved.id, saved.size
        self.stats.last_success, self.stats.problem = time.time(), ""

    def _pause(self, failures: int) -> float:
        """Seconds until the next try after so many failures, never more than the interval."""
        doubled = self._schedule.backoff << min(failures - 1, 30)
        return min(doubled, self._schedule.max_backoff or doubled, self._schedule.interval) / SECOND

    async def _step_down(self, lock: Lock, registration: Registration) -> None:
        try:
            if lock.is_held:
                await lock.release()
        except ConsulError as error:
            logger.warning("Cannot release the lock: %s", error)
        await registration.withdraw()


async def _pass_on(happening: Awaitable[bool], term: Halt, reason: Callable[[], str]) -> None:
    """End the term when something has happened."""
    await happening
    term.set(reason())
