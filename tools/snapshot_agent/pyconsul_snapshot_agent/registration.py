"""The tool as a service in Consul's catalog: one check that it lives, and on the leader one that it saves.

The agent may be away or may forget us at any time; a heartbeat in the background registers again and sends what
could not be sent, so nothing here raises for what the agent does.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final, NamedTuple
from uuid import uuid4

from pyconsul.primitives.durations import MINUTE, format_duration
from pyconsul.sdk import AsyncClient
from pyconsul.sdk.errors import ConsulError, UnexpectedStatus
from pyconsul.sdk.ttl import CheckStatus
from pyconsul_snapshot_agent.config import Schedule
from pyconsul_snapshot_agent.lines import logger

ALIVE: Final = "Consul Snapshot Agent Alive"
SAVING: Final = "Consul Snapshot Agent Saving Snapshots"
_ALIVE_TTL: Final = 30.0  # seconds
_RETRY: Final = 1.0  # seconds until a heartbeat that failed is tried again
_NOTE_LIMIT: Final = 4096  # characters of a check's output


class Health(NamedTuple):
    """Status and output of a check."""

    status: CheckStatus
    note: str


class Registration:
    """One instance of the service. ``start`` begins the heartbeat, ``stop`` takes the instance out again."""

    def __init__(self, client: AsyncClient, schedule: Schedule) -> None:
        self.id = f"{schedule.service}:{uuid4()}"
        self._client = client
        self._schedule = schedule
        self._saving: Health | None = None
        self._is_known = False
        self._is_sent = True
        self._failed = False
        self._beat: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()

    async def start(self) -> None:
        """Register, and from now on say that we live."""
        await self._send_all()
        self._beat = asyncio.create_task(self._keep_beating())

    async def stop(self) -> None:
        """Take the instance with its checks out of the catalog, as far as the agent can be reached."""
        beat, self._beat = self._beat, None
        if beat is not None:
            beat.cancel()
            with suppress(asyncio.CancelledError):
                await beat
        try:
            await self._client.agent.deregister_service(self.id)
        except ConsulError as error:
            logger.warning("Cannot deregister: %s", error)

    async def report(self, status: CheckStatus, note: str) -> None:
        """Say how saving goes; the check appears with the first report."""
        self._saving = Health(status, note[:_NOTE_LIMIT])
        self._is_sent = False
        await self._send_all()

    async def withdraw(self) -> None:
        """Take the check of saving away: somebody else leads now."""
        if self._saving is None:
            return
        self._saving = None
        try:
            await self._client.agent.deregister_check(self._saving_id)
        except ConsulError as error:
            logger.warning("Cannot remove the check of saving: %s", error)
            self._is_known = False  # register the service anew, which drops the check

    @property
    def _alive_id(self) -> str:
        return f"{self.id}:alive"

    @property
    def _saving_id(self) -> str:
        return f"{self.id}:saving"

    async def _keep_beating(self) -> None:
        while True:
            await asyncio.sleep(_RETRY if self._failed else _ALIVE_TTL / 3)
            await self._send_all()

    async def _send_all(self) -> None:
        """Bring the agent up to date; a failure is remembered for the next heartbeat."""
        async with self._sending:
            try:
                await self._send()
            except ConsulError as error:
                if isinstance(error, UnexpectedStatus):
                    self._is_known = False  # the agent was restarted and knows us no more
                if not self._failed:
                    logger.warning("Cannot tell Consul how we are: %s", error)
                self._failed = True
                return
            if self._failed:
                logger.info("Consul knows again how we are")
            self._failed = False

    async def _send(self) -> None:
        agent = self._client.agent
        if not self._is_known:
            await agent.register_service(self._definition(), replace_existing_checks=True)
            self._is_known, self._is_sent = True, self._saving is None
        await agent.update_check(self._alive_id, "passing")
        if self._saving is None or self._is_sent:
            return
        saving = self._saving
        await agent.register_check(self._saving_check(saving))
        await agent.update_check(self._saving_id, saving.status, output=saving.note)
        self._is_sent = self._saving == saving  # another report may have come while this one was on its way

    def _definition(self) -> dict[str, Any]:
        check: dict[str, Any] = {
            "CheckID": self._alive_id,
            "Name": ALIVE,
            "TTL": f"{_ALIVE_TTL:.0f}s",
            "Status": "passing",
        }
        if self._schedule.deregister_after:
            check["DeregisterCriticalServiceAfter"] = format_duration(self._schedule.deregister_after)
        return {"ID": self.id, "Name": self._schedule.service, "Checks": [check]}

    def _saving_check(self, saving: Health) -> dict[str, Any]:
        # Two intervals without any news and Consul itself turns the check critical.
        ttl = 2 * self._schedule.interval + 5 * MINUTE
        return {
            "ID": self._saving_id,
            "Name": SAVING,
            "ServiceID": self.id,
            "TTL": format_duration(ttl),
            "Status": saving.status,
        }
