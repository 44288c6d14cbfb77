"""One view per distinct query: asks, waits for changes, tries again after errors, reports to the runner."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import format_duration
from pyconsul.sdk.client import AsyncClient
from pyconsul.sdk.errors import ConsulError, status_error
from pyconsul.sdk.request import QueryMeta, QueryOptions
from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.retry import RetryPolicy
from pyconsul.toolkit.stanzas import SECOND
from pyconsul.toolkit.vault import VaultClient, VaultError
from pyconsul_envconsul.config import Config
from pyconsul_envconsul.queries import Fetched, Query

logger = logging.getLogger("pyconsul_envconsul.view")

BLOCK_SECONDS: Final = 60.0
MIN_INTERVAL: Final = 0.1
"""Seconds between an answer and the request before it, after the first answer."""

DEFAULT_PAUSE_NS: Final = 60 * SECOND
"""Between tries after the last attempt, where the configuration has no longest pause."""

# What a server may do wrong, down to answers of another shape than its API promises.
_FETCH_ERRORS: Final = (
    ConsulError,
    VaultError,
    ConfigError,
    OSError,
    msgspec.MsgspecError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
)


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
        self.index = 0
        self.default_lease = views.config.vault.default_lease_duration / SECOND
        self.lease_threshold = views.config.vault.lease_renewal_threshold
        self._views = views
        self._once = views.config.once
        self._max_stale_ms = views.config.max_stale / 1e6
        self._stale_allowed = views.config.max_stale > 0
        self._retry = views.retry[query.kind]
        self._failures = 0
        self._value: object = None
        self._has_value = False

    # -- what queries use -------------------------------------------------------

    async def get(self, path: str, params: Mapping[str, str]) -> Fetched:
        """One blocking GET from Consul. Raises the SDK's errors but for 404."""
        options = QueryOptions(
            consistency="stale" if self._stale_allowed else "default", wait=BLOCK_SECONDS, index=self.index
        )
        answer = await self._views.clients.consul.raw("GET", path, params, options=options)
        meta = QueryMeta.of(answer)
        if answer.status == 404 and path.startswith("/v1/kv/"):
            return Fetched(None, meta.index, meta.last_contact_ms)
        if answer.status != 200:
            raise status_error(answer.status, answer.body)
        value = msgspec.json.decode(answer.body) if answer.body else None
        return Fetched(value, meta.index, meta.last_contact_ms)

    async def vault(self) -> VaultClient:
        """The Vault client, logged in."""
        return await self._views.clients.vault()

    async def pause(self, seconds: float) -> None:
        """Wait between two looks."""
        await asyncio.sleep(seconds)

    # -- the loop ------------------------------------------------------------------

    async def run(self) -> None:
        """Report values for ever; in one-shot mode one value, or the error that ends it."""
        while True:
            started = time.monotonic()
            try:
                fetched = await self.query.fetch(self)
            except _FETCH_ERRORS as error:
                if not await self._try_again(f"{self.query.name}: {error}"):
                    return
                continue
            self._failures = 0
            spent = time.monotonic() - started
            if self._has_value and spent < MIN_INTERVAL:
                await asyncio.sleep(MIN_INTERVAL - spent + random.random() * 0.02)
            if self._is_too_old(fetched) or not self._is_news(fetched):
                continue
            logger.debug("%s received data", self.query.name)
            self._views.events.put_nowait(Event(self.query.name, fetched.value))
            if self._once:
                return

    def _is_too_old(self, fetched: Fetched) -> bool:
        """Whether the answer is too stale; the next request then goes to the leader."""
        too_old = self._stale_allowed and fetched.last_contact_ms > self._max_stale_ms
        self._stale_allowed = self._max_stale_ms > 0 and not too_old
        return too_old

    def _is_news(self, fetched: Fetched) -> bool:
        """Whether the answer tells anything new. An index that goes backwards starts over."""
        went_back = fetched.mark < self.index
        self.index = 0 if went_back else fetched.mark
        if self._has_value and fetched.value == self._value:
            return False
        self._value, self._has_value = fetched.value, True
        return True

    async def _try_again(self, message: str) -> bool:
        """Wait before the next try; False when there is none.

        One-shot mode ends with the last try. Otherwise the child keeps what it has, and the tool keeps on asking
        at the longest pause, unless retrying is switched off.
        """
        pause = self._retry.pause_ns(self._failures)
        self._failures += 1
        self.index = 0
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
        if query.name not in self._tasks:
            task = self._tasks[query.name] = asyncio.create_task(View(query, self).run(), name=query.name)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A view that broke in a way that nobody foresaw is an error like any other."""
        if not task.cancelled() and (error := task.exception()) is not None:
            self.events.put_nowait(Event(task.get_name(), None, f"{task.get_name()}: {error!r}"))

    async def stop(self) -> None:
        """Stop all views and close the connections. May be called twice."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.clients.aclose()
