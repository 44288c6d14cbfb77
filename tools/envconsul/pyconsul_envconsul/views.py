"""One view per distinct query: asks, waits for changes, tries again after errors, reports to the runner."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import format_duration
from pyconsul.sdk.client import AsyncClient
from pyconsul.toolkit.asking import FETCH_ERRORS, Asked, Asking, pace
from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.logs import TRACE
from pyconsul.toolkit.retry import RetryPolicy
from pyconsul.toolkit.stanzas import SECOND
from pyconsul.toolkit.vault import VaultClient
from pyconsul_envconsul.config import Config
from pyconsul_envconsul.queries import Fetched, Query

logger = logging.getLogger("pyconsul_envconsul.view")
watcher_logger = logging.getLogger("pyconsul_envconsul.watcher")

BLOCK_SECONDS: Final = 60.0
DEFAULT_PAUSE_NS: Final = 60 * SECOND
"""Between tries after the last attempt, where the configuration has no longest pause."""


class Event(NamedTuple):
    """What a view reports: a value, or (in one-shot mode) the error that ended it."""

    name: str
    value: object
    error: str = ""


class Clients:
    """The connections to the servers, made when first needed."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._consul: AsyncClient | None = None
        self._vault: VaultClient | None = None
        self._login = asyncio.Lock()

    @property
    def consul(self) -> AsyncClient:
        """The Consul client."""
        if self._consul is None:
            self._consul = AsyncClient(self._config.consul.client_settings())
        return self._consul

    async def vault(self) -> VaultClient:
        """The Vault client, logged in; the token file of a Vault agent is looked at each time."""
        async with self._login:
            if self._vault is None:
                client = VaultClient(self._config.vault, log=logging.getLogger("pyconsul_envconsul"))
                try:
                    await client.log_in()
                except BaseException:
                    await client.aclose()
                    raise
                self._vault = client
        self._vault.follow_agent()
        return self._vault

    async def aclose(self) -> None:
        """Close what was opened."""
        for client in (self._vault, self._consul):
            if client is not None:
                await client.aclose()


class View:
    """Watches one query. It is the ``Access`` that the query asks through."""

    def __init__(self, query: Query, views: Views) -> None:
        self.query = query
        self.asking = Asking(BLOCK_SECONDS, views.config.max_stale / SECOND)
        self.default_lease = views.config.vault.default_lease_duration / SECOND
        self.lease_threshold = views.config.vault.lease_renewal_threshold
        self._views = views
        self._once = views.config.once
        self._retry = views.retry[query.kind]
        self._failures = 0
        self._value: object = None
        self._has_value = False

    # -- what queries use -------------------------------------------------------

    @property
    def index(self) -> int:
        """The index of the last answer; 0 the first time."""
        return self.asking.index

    async def get(self, path: str, params: Mapping[str, str]) -> Asked:
        """One blocking GET from Consul; a key that does not exist is no error. Raises the SDK's errors."""
        return await self.asking.get(self._views.clients.consul, path, params)

    async def vault(self) -> VaultClient:
        """The Vault client, logged in."""
        return await self._views.clients.vault()

    async def pause(self, seconds: float) -> None:
        """Wait between two looks."""
        await asyncio.sleep(seconds)

    # -- the loop ------------------------------------------------------------------

    async def run(self) -> None:
        """Report values for ever; in one-shot mode one value, or the error that ends it."""
        self._trace("starting fetch")
        while True:
            started = time.monotonic()
            try:
                fetched = await self.query.fetch(self)
            except (*FETCH_ERRORS, ConfigError) as error:
                if not await self._try_again(f"{self.query.name}: {error}"):
                    return
                self._trace("starting fetch")
                continue
            self._trace("marking successful data response")
            self._trace("successful contact, resetting retries")
            self._failures = 0
            if self._has_value:
                await pace(started)
            if self.asking.is_too_old(fetched.last_contact_ms) or not self._is_news(fetched):
                continue
            self._trace("received data")
            self._views.events.put_nowait(Event(self.query.name, fetched.value))
            if self._once:
                return
            self._trace("starting fetch")

    def _is_news(self, fetched: Fetched) -> bool:
        """Whether the answer tells anything new. An index that goes backwards starts over."""
        went_back = fetched.mark < self.index
        self.asking.index = 0 if went_back else fetched.mark
        if self._has_value and fetched.value == self._value:
            return False
        self._value, self._has_value = fetched.value, True
        return True

    def _trace(self, said: str) -> None:
        logger.log(TRACE, "%s %s", self.query.name, said)

    async def _try_again(self, message: str) -> bool:
        """Wait before the next try; False when there is none.

        One-shot mode ends with the last try. Otherwise the child keeps what it has, and the tool keeps on asking
        at the longest pause, unless retrying is switched off.
        """
        pause = self._retry.pause_ns(self._failures)
        self._failures += 1
        self.asking.index = 0
        if pause is None:
            logger.error("%s (exceeded maximum retries)", message)
            if self._once or not self._retry.enabled:
                self._views.events.put_nowait(Event(self.query.name, None, message))
                return False
            pause = self._retry.max_backoff_ns or DEFAULT_PAUSE_NS
        else:
            shown = quote(format_duration(pause))
            logger.warning("%s (retry attempt %d after %s)", message, self._failures, shown)
        await asyncio.sleep(pause / SECOND)
        return True


class Views:
    """All views of a run."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.clients = Clients(config)
        self.retry: Mapping[str, RetryPolicy] = {"consul": config.consul.retry, "vault": config.vault.retry}
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, query: Query) -> None:
        """Watch a query; one that is watched already needs no second view."""
        watcher_logger.debug("adding %s", query.name)
        if query.name not in self._tasks:
            watcher_logger.log(TRACE, "%s starting", query.name)
            task = self._tasks[query.name] = asyncio.create_task(View(query, self).run(), name=query.name)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A view that broke in a way that nobody foresaw is an error like any other."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.events.put_nowait(Event(task.get_name(), None, f"{task.get_name()}: {error!r}"))

    async def stop(self) -> None:
        """Stop all views and close the connections. May be called twice."""
        watcher_logger.debug("stopping all views")
        for name in self._tasks:
            watcher_logger.log(TRACE, "stopping %s", name)
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.clients.aclose()
