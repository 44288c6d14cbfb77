"""``retry_join`` and ``retry_join_wan``: find servers, join them, again and again until one lets us in.

An entry is a host, or ``provider=… key=value …``, which a cloud answers through the plug-ins ``pyconsul.autojoin``;
each attempt asks again. A cloud that is down costs an error line and the next attempt, never the agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import msgspec

from pyconsul.primitives.durations import format_duration
from pyconsul.structs.errors import ConsulError
from pyconsul.telemetry.logging import Level, logger
from pyconsul.toolkit.discovery import DiscoverError, LogLine, hidden_secrets, is_discovery, provider_names
from pyconsul.toolkit.discovery_child import look_up_apart

__all__ = ["JoinFailed", "RetryJoin", "RetryJoins"]

Join = Callable[[str], Awaitable[None]]  # joins by host[:port]; raises ConsulError

log = logger("agent")
_WRITERS: Final = {Level.DEBUG: log.debug, Level.INFO: log.info, Level.WARN: log.warn, Level.ERROR: log.error}


class JoinFailed(Exception):
    """No attempt is left; the text is Consul's."""


class RetryJoin(msgspec.Struct, frozen=True):
    """The attempts for one pool, ``LAN`` or ``WAN``. ``interval`` is in nanoseconds; 0 attempts mean no limit."""

    cluster: str
    entries: Sequence[str]
    interval: int
    max_attempts: int
    join: Join
    pause: Callable[[float], Awaitable[Any]] = asyncio.sleep
    look_up: Callable[[str, LogLine], Awaitable[list[str]]] = look_up_apart

    async def run(self) -> None:
        """Return once a server has been joined. Raises JoinFailed when the attempts are used up."""
        methods = " ".join(await asyncio.to_thread(provider_names))  # looks through the installed packages
        text = "Retry join is supported for the following discovery methods"
        log.info(text, cluster=self.cluster, discovery_methods=methods)
        log.info("Joining cluster...", cluster=self.cluster)
        attempt = 0
        while True:
            joined, fault = await self._attempt()
            if joined:
                log.info("Join cluster completed. Synced with initial agents", cluster=self.cluster, num_agents=joined)
                return
            attempt += 1
            if 0 < self.max_attempts < attempt:
                raise JoinFailed(f"agent: max join {self.cluster} retry exhausted, exiting")
            interval = format_duration(self.interval)
            log.warn("Join cluster failed, will retry", cluster=self.cluster, retry_interval=interval, error=fault)
            await self.pause(self.interval / 1e9)

    async def _attempt(self) -> tuple[int, str]:
        """How many servers were joined, and what went wrong where it was none."""
        addresses = await self.addresses()
        if not addresses:
            return 0, "No servers to join"
        joined = 0
        faults: list[str] = []
        for address in addresses:
            try:
                await self.join(address)
                joined += 1
            except ConsulError as error:
                faults.append(str(error))
        return joined, "\n".join(faults)

    async def addresses(self) -> list[str]:
        """Hosts as they stand and what the clouds answer, in the order of the entries. What fails is logged."""
        found: list[str] = []
        for entry in self.entries:
            if is_discovery(entry):
                found += await self._discovered(entry)
            else:
                found.append(entry)
        return found

    async def _discovered(self, entry: str) -> list[str]:
        def tell(level: Level, line: str) -> None:
            _WRITERS[level](line, cluster=self.cluster)

        try:
            servers = await self.look_up(entry, tell)
        except Exception as error:  # whatever a plug-in of somebody else's raises must not end the attempts
            shown_entry = await asyncio.to_thread(hidden_secrets, entry)
            shown = str(error) if isinstance(error, DiscoverError) else f"{type(error).__name__}: {error}"
            log.error("Cannot discover address", cluster=self.cluster, address=shown_entry, error=shown)
            return []
        log.info("Discovered servers", cluster=self.cluster, servers=" ".join(servers))
        return servers


class RetryJoins:
    """The attempts that run in one agent; ``on_failure`` is called when one of them has given up."""

    def __init__(self, on_failure: Callable[[], None]) -> None:
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, wanted: Sequence[RetryJoin]) -> None:
        """Begin with those that have entries."""
        for each in wanted:
            if each.entries:
                task = asyncio.create_task(self._run(each), name=f"retry join {each.cluster}")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Give up all attempts."""
        for task in self._tasks:
            task.cancel()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _run(self, joining: RetryJoin) -> None:
        try:
            await joining.run()
        except JoinFailed as error:
            log.error("Retry join failed", error=error)
            self._on_failure()
