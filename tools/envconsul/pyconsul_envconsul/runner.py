"""Puts the environment together as data arrives, and starts, restarts or signals the child."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pyconsul.lang.strconv import quote
from pyconsul.toolkit import clientset, pid_file, signals
from pyconsul.toolkit.child import Child, ChildSettings, run_command
from pyconsul.toolkit.errors import ChildEnded, RunError
from pyconsul.toolkit.leases import keep_token
from pyconsul.toolkit.quiescence import Quiescence
from pyconsul_envconsul.config import Config
from pyconsul_envconsul.lines import with_value
from pyconsul_envconsul.names import Naming, PrefixNames, SecretNames, ServiceNames, path_of
from pyconsul_envconsul.queries import PrefixQuery, Query, SecretQuery, ServiceQuery
from pyconsul_envconsul.views import Event, Views

logger = logging.getLogger("pyconsul_envconsul.runner")
root_logger = logging.getLogger("pyconsul_envconsul")
clients_logger = logging.getLogger("pyconsul_envconsul.clients")
child_logger = logging.getLogger("pyconsul_envconsul.child")


class Source(NamedTuple):
    """One stanza: what it asks for, how it names what it gets, and whether a change of it matters to the child."""

    query: Query
    names: PrefixNames | SecretNames | ServiceNames
    reload: bool

    def variables(self, value: Any) -> Iterator[tuple[str, object]]:
        """Names and values of an answer; later ones win."""
        if isinstance(self.names, ServiceNames):
            for instance in value:
                yield from self.names.variables(instance)
        else:
            yield from self.names.variables(value)


def sources_of(config: Config, environ: Mapping[str, str]) -> list[Source]:
    """The sources in the order in which they win: prefixes, services, secrets. Raises RunError.

    Secrets come last: who may write to Consul must not be able to replace what comes from Vault. Of stanzas that
    ask for the same only the last one counts.
    """
    naming = Naming(config.sanitize, config.upcase)
    out: list[Source] = []
    for prefix in config.prefixes:
        path = path_of(prefix.path, environ)
        out.append(Source(PrefixQuery(path), PrefixNames(prefix, path, naming), prefix.reload))
    out += [Source(ServiceQuery(s.query), ServiceNames(s, naming), s.reload) for s in config.services]
    for secret in config.secrets:
        path = path_of(secret.path, environ)
        logger.info("looking at vault: path=%s", path)
        out.append(Source(SecretQuery(path), SecretNames(secret, path, naming), secret.reload))
    last = {source.query.name: source for source in out}
    return [source for source in out if last[source.query.name] is source]


class Collected(NamedTuple):
    """The variables of all sources, and those of them whose changes matter to the child."""

    variables: dict[str, str]
    telling: dict[str, str]


def collect(sources: list[Source], data: Mapping[str, Any]) -> Collected | None:
    """The variables, or None while a source has not answered."""
    out = Collected({}, {})
    for source in sources:
        if source.query.name not in data:
            logger.info(with_value("missing data for", source.query.name))
            return None
        for name, value in source.variables(data[source.query.name]):
            if not isinstance(value, str):
                logger.warning("skipping key '%s', invalid type for value. got %s, not string", name, _go_type(value))
                continue
            if not _is_possible(name, value):
                continue
            if not isinstance(source.names, ServiceNames):
                deed = "overwriting" if name in out.variables else "setting"
                logger.debug("%s %s from %s", deed, name, source.query.name)
            out.variables[name] = value
            out.telling.pop(name, None)  # where an earlier source said it, its value does not count any more
            if source.reload:
                out.telling[name] = value
    return out


def _go_type(value: object) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "json.Number"
    return "[]interface {}" if isinstance(value, list) else "map[string]interface {}"


def _is_possible(name: str, value: str) -> bool:
    """Whether the system can carry such a variable."""
    if name and "\0" not in name + value:
        return True
    logger.warning("skipping variable %s: empty name or NUL", quote(name))
    return False


def environment_of(config: Config, own: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """The child's whole environment. The lists of ``exec.env`` apply to fetched variables, too."""
    before = {} if config.pristine else dict(own)
    whole = config.exec.environment.build({**before, **variables}, {})
    out: dict[str, str] = {}
    for name, value in whole.items():
        # A name with "=" cannot exist; the system would cut it at the first one, so do we.
        head, equals, tail = name.partition("=")
        if head:
            out[head] = f"{tail}={value}" if equals else value
    return out


class Runner:
    """Runs one configuration from start to stop."""

    def __init__(self, config: Config, own: Mapping[str, str]) -> None:
        logger.info("creating new runner: once:=%s", "true" if config.once else "false")
        self.config = config
        self.own = own
        # The go.mod of envconsul asks for Go 1.25, in which the last colon of a host begins the port.
        clientset.check(config.consul, config.vault, None, clients_logger, strict_colons=False)
        logger.info("creating watcher")
        self.sources = sources_of(config, own)
        self.child: Child | None = None
        self.views = Views(config)
        self._data: dict[str, Any] = {}
        self._told: Collected | None = None
        self._quiescence = Quiescence(config.wait) if config.wait.enabled else None
        self._tending = asyncio.Lock()
        self._ending = self._is_failed = False

    # -- life ------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until the child ends (ChildEnded) or something fails (RunError)."""
        logger.info("starting")
        renewal: asyncio.Task[None] | None = None
        if self.config.secrets and self.config.vault.renew_token and self.config.vault.token:
            renewal = asyncio.create_task(keep_token(self.views.clients.vault, root_logger))
        try:
            self._store_pid()
            for source in self.sources:
                self.views.start(source.query)
            if not self.sources:
                await self._apply()
            while not self._ending:
                if await self._wait():
                    await self._apply()
        except RunError:
            self._is_failed = True
            raise
        finally:
            if renewal is not None:
                renewal.cancel()

    async def stop(self) -> None:
        """Stop watching, end the child, remove the process ID. May be called twice."""
        if not self._is_failed:  # what is wrong is told, not that the tool ends for it
            logger.info("stopping")
        self._ending = True
        logger.debug("stopping watcher")
        await self.views.stop()
        async with self._tending:  # a change that is under way is brought to its end first
            if self.child is not None:
                logger.debug("stopping child process")
                running, self.child = self.child, None
                await running.stop(immediately=False)
        if self.config.pid_file:
            logger.debug(with_value("removing pid file at", self.config.pid_file))
        pid_file.remove(self.config.pid_file, logger)

    async def signal(self, number: int) -> None:
        """Pass a signal to the child."""
        if self.child is not None:
            child_logger.info("receiving signal %s", quote(signals.describe(number)))
            await self.child.signal(number)

    # -- waiting -------------------------------------------------------------------------

    async def _wait(self) -> bool:
        """Return at the next event; True when the environment has to be looked at. Raises ChildEnded, RunError."""
        news = asyncio.ensure_future(self.views.events.get())
        waiters: list[asyncio.Future[Any]] = [news]
        if self.child is not None:
            waiters.append(asyncio.ensure_future(asyncio.shield(self.child.ended)))
        due = self._quiescence.due if self._quiescence is not None else None
        try:
            timeout = None if due is None else max(due - time.monotonic(), 0)
            await asyncio.wait(waiters, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            got = news.done() and not news.cancelled()
            for waiter in waiters:
                waiter.cancel()
        if self.child is not None and self.child.ended.done():
            raise ChildEnded(self.child.ended.result())
        if got:
            self._receive(news.result())
            while not self.views.events.empty():
                self._receive(self.views.events.get_nowait())
        return self._is_due(got)

    def _is_due(self, got: bool) -> bool:
        """Whether it is time, which with a timer is later than the news."""
        if self._quiescence is None:
            return got
        now = time.monotonic()
        if got:
            logger.info("quiescence timers starting")
            self._quiescence.tick(now)
        if not self._quiescence.is_due(now):
            return False
        logger.info("quiescence %s fired", "maxTimer" if self._quiescence.is_at_maximum else "minTimer")
        self._quiescence.reset()
        return True

    def _receive(self, event: Event) -> None:
        if event.error:
            logger.error(with_value("watcher reported error:", event.error))
            if self.config.once:
                raise RunError(event.error)
            return
        logger.debug(with_value("receiving dependency", event.name))
        self._data[event.name] = event.value

    # -- the child -------------------------------------------------------------------------

    async def _apply(self) -> None:
        """Bring the child up to date with the data there is. Raises RunError."""
        logger.info("running")
        found = collect(self.sources, self._data)
        if found is None:
            return
        if self._told is not None and found.telling == self._told.telling:
            logger.info("environment was the same")
            return
        environment = environment_of(self.config, self.own, found.variables)
        async with self._tending:
            if self._ending:
                return
            if self.child is None:
                await self._start(environment)
            elif not await self._tell(self.child, environment):
                return
        self._told = found

    async def _tell(self, child: Child, environment: dict[str, str]) -> bool:
        """A change: the command first, then signal or restart. False when the command refused the change."""
        if not await self._changed(environment):
            return False
        if self.config.exec.reload_signal is not None:
            await child.reload()
        elif self.config.no_restart:
            logger.info("environment changed, the child process goes on with the former one")
        else:
            logger.info("stopping existing child process")
            await child.stop(immediately=False)
            self.child = None
            if not self._ending:
                await self._start(environment)
        return True

    async def _changed(self, environment: dict[str, str]) -> bool:
        """Run the command for changes, if there is one. Returns whether the change may be taken over."""
        command = self.config.change_command
        if not any(word.strip() for word in command):
            return True
        try:
            await run_command(command, environment, self.config.change_timeout, child_logger)
        except RunError as error:
            logger.error("change command failed, the child process is left alone: %s", error)
            return False
        return True

    async def _start(self, environment: dict[str, str]) -> None:
        settings = self.config.exec
        child = Child(
            ChildSettings(
                settings.command,
                environment,
                settings.reload_signal,
                settings.kill_signal,
                settings.kill_timeout,
                settings.splay,
            ),
            child_logger,
        )
        try:
            await child.start()
        except RunError as error:
            raise RunError(f"starting {error}") from None
        self.child = child

    # -- the process ID -----------------------------------------------------------------------

    def _store_pid(self) -> None:
        if self.config.pid_file:
            logger.info(with_value("creating pid file at", self.config.pid_file))
            pid_file.store(self.config.pid_file)
