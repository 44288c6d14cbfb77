"""One view per distinct dependency: asks, waits for changes, retries, and reports to the runner."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import format_duration
from pyconsul.sdk.client import AsyncClient
from pyconsul.sdk.errors import status_error
from pyconsul.toolkit.asking import FETCH_ERRORS, Asked, Asking, decoded, pace
from pyconsul.toolkit.logs import TRACE
from pyconsul.toolkit.retry import RetryPolicy
from pyconsul.toolkit.vault import VaultClient
from pyconsul_template.dependencies.queries import Dependency, Fetched, UnnamedError

logger = logging.getLogger("pyconsul_template.view")
main_logger = logging.getLogger("pyconsul_template.main")
watcher_logger = logging.getLogger("pyconsul_template.watcher")
runner_logger = logging.getLogger("pyconsul_template.runner")

AT_ONCE, SILENCE = 16, 0.005
"""Views that begin at once; with each answer begins another one, which takes over the connection. After so many seconds
without any answer twice as many begin. A thousand keys need some twenty connections in place of a thousand where
answers come at once, and 30 ms longer where they do not."""

NOT_THERE: Any = object()
_TOLD_PARAMS = frozenset({"dc", "region", "ns", "peer", "partition", "near", "choose"})


class Event(NamedTuple):
    """What a view reports: a value, or the error that ended it."""

    dependency: Dependency
    value: Any
    error: str = ""


class WatchSettings(NamedTuple):
    """How views ask; times in seconds."""

    block_wait: float = 60.0
    max_stale: float = 2.0
    once: bool = False
    fail_lookups: bool = False
    retry: Mapping[str, RetryPolicy] = {}
    default_lease: float = 300.0
    lease_threshold: float = 0.9
    nomad_place: Mapping[str, str] = {}  # region and namespace of what names none


class Clients:
    """The connections to the servers, made when first needed."""

    def __init__(
        self,
        consul: Callable[[], AsyncClient],
        vault: Callable[[], Awaitable[VaultClient]],
        nomad: Callable[[], AsyncClient],
    ) -> None:
        self._make = (consul, vault, nomad)
        self._consul: AsyncClient | None = None
        self._vault: asyncio.Task[VaultClient] | None = None
        self._nomad: AsyncClient | None = None

    @property
    def consul(self) -> AsyncClient:
        """The Consul client."""
        if self._consul is None:
            self._consul = self._make[0]()
        return self._consul

    @property
    def nomad(self) -> AsyncClient:
        """The Nomad client."""
        if self._nomad is None:
            self._nomad = self._make[2]()
        return self._nomad

    async def vault(self) -> VaultClient:
        """The Vault client, logged in; the token file of a Vault agent is looked at each time."""
        if self._vault is None or (self._vault.done() and self._vault.exception() is not None):
            self._vault = asyncio.ensure_future(_awaited(self._make[1]()))
        client = await asyncio.shield(self._vault)  # one log-in for all views, also when one of them is given up
        client.follow_agent()
        return client

    async def aclose(self) -> None:
        """Close what was opened."""
        if self._vault is not None and self._vault.done() and self._vault.exception() is None:
            await self._vault.result().aclose()
        for client in (self._consul, self._nomad):
            if client is not None:
                await client.aclose()


async def _awaited(coroutine: Awaitable[VaultClient]) -> VaultClient:
    return await coroutine


class View:
    """Watches one dependency. It is the ``Access`` that the dependency's query asks through."""

    def __init__(self, dependency: Dependency, watcher: Watcher) -> None:
        self.dependency = dependency
        self.settings = watcher.settings
        self.clients = watcher.clients
        self.report = watcher.report
        self.asking = Asking(self.settings.block_wait, self.settings.max_stale)
        self.value: Any = NOT_THERE
        self.failures = 0

    # -- what queries use -------------------------------------------------------

    @property
    def index(self) -> int:
        """The index of the last answer; 0 the first time."""
        return self.asking.index

    async def get(self, path: str, params: Mapping[str, str], *, blocking: bool = True) -> Asked:
        """One GET from Consul; a key that does not exist is no error."""
        main_logger.log(TRACE, "%s: GET %s", self.dependency.name, self._shown(path, params))
        return await self.asking.get(self.clients.consul, path, params, blocking=blocking)

    def _shown(self, path: str, params: Mapping[str, str]) -> str:
        """What is asked for, as the log tells it: without what only the API's own client knows."""
        told = {name: value for name, value in params.items() if name in _TOLD_PARAMS}
        if self.asking.stale_allowed:
            told["stale"] = "true"
        if self.index:
            told["index"] = str(self.index)
        if self.settings.block_wait:
            told["wait"] = format_duration(int(self.settings.block_wait * 1e9))
        return f"{path}?{urlencode(sorted(told.items()))}" if told else path

    async def nomad(self, path: str, params: Mapping[str, str]) -> Asked:
        """One GET from Nomad."""
        ask = {**self.settings.nomad_place, **params, "wait": f"{int(self.settings.block_wait * 1000)}ms"}
        if self.asking.stale_allowed:
            ask["stale"] = ""
        if self.index:
            ask["index"] = str(self.index)
        answer = await self.clients.nomad.raw("GET", path, ask)
        if answer.status == 404:
            return Asked(None, _index(answer.header("x-nomad-index")), 0)
        if answer.status != 200:
            raise status_error(answer.status, answer.body)
        index = _index(answer.header("x-nomad-index"))
        return Asked(decoded(answer.body), index, _index(answer.header("x-nomad-lastcontact")))

    async def vault(self) -> VaultClient:
        """The Vault client, logged in."""
        return await self.clients.vault()

    async def pause(self, seconds: float) -> None:
        """Wait between two looks."""
        await asyncio.sleep(seconds)

    def polled(self) -> int:
        """An index for data that have none."""
        return max(self.index + 1, int(time.time()))

    # -- the loop ------------------------------------------------------------------

    async def run(self) -> None:
        """Report values for ever, or one value in one-shot mode, or the error that ends it."""
        name = self.dependency.name
        first = True
        self._trace("starting fetch")
        while True:
            started = time.monotonic()
            try:
                fetched = await self.dependency.fetch(self)
            except (*FETCH_ERRORS, FunctionError) as error:
                named = "" if isinstance(error, UnnamedError) else f"{name}: "
                if not await self._retry(f"{named}{error}"):
                    return
                self._trace("starting fetch")
                continue
            self._trace("marking successful data response")
            self._trace("successful contact, resetting retries")
            self.failures = 0
            if not first:
                await pace(started)
            if self.asking.is_too_old(fetched.last_contact_ms):
                self._trace("stale data (last contact exceeded max_stale)")
                continue
            if self.settings.fail_lookups and not first and self.value is NOT_THERE:
                self._end("lookup error")
                return
            first = False
            if not self._accepts(fetched):
                continue
            self._trace("received data")
            self.report(Event(self.dependency, fetched.value))
            if self.settings.once:
                return
            await asyncio.sleep(0)  # first the template, then the next question
            self._trace("starting fetch")

    def _accepts(self, fetched: Fetched) -> bool:
        """Whether an answer is news."""
        if fetched.index == self.index and (self.index or self.value is not NOT_THERE):
            self._trace("no new data (index was the same)")
            return False
        if fetched.index < self.index:
            self._trace("had a lower index, resetting")
            self.asking.index = 0
            return False
        self.asking.index = fetched.index
        if self.value is not NOT_THERE and _same(fetched.value, self.value):
            self._trace("no new data (contents were the same)")
            return False
        if fetched.value is None and fetched.block_on_nil:
            self._trace("asked for blocking query")
            return False
        self.value = fetched.value
        return True

    def _trace(self, said: str) -> None:
        logger.log(TRACE, "%s %s", self.dependency.name, said)

    async def _retry(self, message: str) -> bool:
        """Wait before the next try; False when it was the last."""
        policy = self.settings.retry.get(self.dependency.kind)
        pause = policy.pause_ns(self.failures) if policy is not None else None
        if pause is None:
            if policy is not None:
                logger.error("%s (exceeded maximum retries)", message)
                runner_logger.error("sending server error back to caller")
            self._end(message)
            return False
        self.failures += 1
        shown = quote(format_duration(pause))
        logger.warning("%s (retry attempt %d after %s)", message, self.failures, shown)
        runner_logger.error("sending server error back to caller")
        await asyncio.sleep(pause / 1e9)
        return True

    def _end(self, message: str) -> None:
        self.report(Event(self.dependency, None, message))


def _same(a: Any, b: Any) -> bool:
    return type(a) is type(b) and a == b


def _index(text: str) -> int:
    return int(text) if text.isdecimal() else 0


class Watcher:
    """The views by the names of their dependencies."""

    def __init__(self, clients: Clients, settings: WatchSettings) -> None:
        self.clients = clients
        self.settings = settings
        self.events: deque[Event] = deque()
        self.news = asyncio.Event()
        """Set when there are events; whoever takes them clears it."""
        self._views: dict[str, View] = {}
        self._upcoming: deque[View] = deque()
        self._has_answer = False
        self._is_stopped = False
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._views)

    def report(self, event: Event) -> None:
        """Hand an event to whoever waits for news."""
        self.events.append(event)
        self.news.set()
        self._has_answer = True
        self._begin(1)

    def is_watching(self, name: str) -> bool:
        """Whether there is a view of that name."""
        return name in self._views

    def add(self, dependency: Dependency) -> None:
        """Start watching."""
        watcher_logger.debug("adding %s", dependency.name)
        if dependency.name in self._views:
            watcher_logger.log(TRACE, "%s already exists, skipping", dependency.name)
            return
        watcher_logger.log(TRACE, "%s starting", dependency.name)
        view = self._views[dependency.name] = View(dependency, self)
        self._upcoming.append(view)
        if len(self._upcoming) == 1:
            asyncio.get_running_loop().call_soon(self._begin_more, AT_ONCE)

    def _begin_more(self, count: int) -> None:
        """Let so many views begin unless there were answers, and look again a little later."""
        if not self._has_answer:
            self._begin(count)
            count *= 2
        self._has_answer = False
        if self._upcoming:
            asyncio.get_running_loop().call_later(SILENCE, self._begin_more, count)

    def _begin(self, count: int) -> None:
        for _ in range(min(count, len(self._upcoming))):
            view = self._upcoming.popleft()
            name = view.dependency.name
            if self._views.get(name) is view:
                self._tasks[name] = asyncio.create_task(view.run(), name=name)

    def remove(self, name: str) -> None:
        """Stop watching."""
        watcher_logger.debug("removing %s", name)
        self._views.pop(name, None)
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    async def stop(self) -> None:
        """Stop all views and close the connections. May be called twice."""
        if not self._is_stopped:
            watcher_logger.debug("stopping all views")
        for name in self._views:
            watcher_logger.log(TRACE, "stopping %s", name)
        self._is_stopped = True
        tasks = list(self._tasks.values())
        self._views, self._tasks = {}, {}
        self._upcoming.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.clients.aclose()
