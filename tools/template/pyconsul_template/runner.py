"""Rounds: execute templates, ask for what they miss, write what is complete, run commands, tend the child."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from pyconsul.lang.gotemplate import FunctionError, TemplateError
from pyconsul.lang.gotemplate.values import Known
from pyconsul.lang.strconv import quote, to_bytes
from pyconsul.primitives.threads import in_thread
from pyconsul.toolkit import child as children
from pyconsul.toolkit import pid_file, signals
from pyconsul.toolkit.errors import ChildEnded, RunError, ToolError
from pyconsul.toolkit.quiescence import Quiescence
from pyconsul_template import clients, rendering
from pyconsul_template.commands import run_commands
from pyconsul_template.config import Config, TemplateConfig
from pyconsul_template.dependencies.queries import Dependency
from pyconsul_template.execution import ABSENT, Execution
from pyconsul_template.template import Source, read_source
from pyconsul_template.watcher import Event

if TYPE_CHECKING:
    from pyconsul_template.dedup import DedupManager

logger = logging.getLogger("pyconsul_template.runner")
main_logger = logging.getLogger("pyconsul_template.main")
child_logger = logging.getLogger("pyconsul_template.child")

VIEW_LIMIT = 128
"""From here on the number of watched items is worth a warning."""

PAUSE_RATIO, LONGEST_PAUSE = 9, 0.05
"""While answers are awaited, a round is followed by a pause so many times as long, at most so many seconds: else a
thousand keys that come in one after another cost hundreds of passes over the template that asks for them."""


class Template(msgspec.Struct):
    """One template stanza and what happened to it so far.

    ``is_rendered``: at least once; ``is_current``: its last execution missed nothing, and its file is up to date.
    """

    config: TemplateConfig
    source: Source
    identity: str
    used: dict[str, Dependency] = msgspec.field(default_factory=dict[str, Dependency])
    missing: dict[str, Dependency] = msgspec.field(default_factory=dict[str, Dependency])
    is_dirty: bool = True
    is_rendered: bool = False
    is_current: bool = False
    mark: rendering.Mark | None = None
    for_quiescence: bool = False
    last_error: str = ""
    rendered_at: float = 0.0
    renders: int = 0
    quiescence: Quiescence | None = None


class Hooks(msgspec.Struct):
    """What other parts want to know or do; each may be left out."""

    ready: Callable[[], None] | None = None
    rendered: Callable[[Template, rendering.Rendered], None] | None = None
    round_done: Callable[[Runner], None] | None = None


class Runner:
    """Runs one configuration from start to stop."""

    def __init__(self, config: Config, *, dry: bool = False, quiet: bool = False, hooks: Hooks | None = None) -> None:
        logger.info("creating new runner (dry: %s, once: %s)", _go(dry), _go(config.once))
        self.config = config
        self.dry = dry
        self.quiet = quiet
        self.hooks = hooks or Hooks()
        self.environment = config.shown_environment()
        logger.info("creating watcher")
        self.watcher = clients.new_watcher(config)
        self.templates = [_prepared(t) for t in config.templates]
        self._next_round = 0.0
        self.values: dict[str, Any] = {}
        self.dependencies: dict[str, Dependency] = {}
        self._needed: set[str] = set()
        self.child: children.Child | None = None
        self.dedup: DedupManager | None = None
        self._due: Template | None = None
        self._is_ready = self._is_stopping = False
        self._wake = self.watcher.news

    # -- life ------------------------------------------------------------------------

    async def run(self) -> None:
        """Work until stopped, or in one-shot mode until all is done. Raises ToolError."""
        logger.info("starting")
        self._store_pid()
        renewal: asyncio.Task[None] | None = None
        if self.config.vault.renew_token and self.config.vault.token:
            renewal = asyncio.create_task(self._keep_vault_token())
        try:
            await clients.log_in(self.config, self.watcher.clients)
            self._start_dedup()
            logger.debug("running initial templates")
            await self.round()
            if self.config.parse_only:
                logger.info("ParseOnly mode and all templates parsed")
            else:
                await self._loop()
        except ToolError:
            self._is_stopping = True  # what is wrong is told, not that the tool ends for it
            raise
        finally:
            if renewal is not None:
                renewal.cancel()
            await self.stop(immediately=False)

    async def _loop(self) -> None:
        while True:
            self._tell_size()
            if self._all_rendered():
                logger.debug("all templates rendered")
                await self._when_all_rendered()
                if self.config.once:
                    logger.info("once mode and all templates rendered")
                    await self._last_wait()
                    return
            await self._wait_for_news()
            await self.round()

    async def _last_wait(self) -> None:
        """In one-shot mode the tool ends with its child."""
        if self.child is not None:
            logger.debug("stopping watcher")
            await self.watcher.stop()
            logger.info("waiting for child process to exit")
            raise self._child_ended(await self.child.ended)

    def _child_ended(self, status: int) -> ChildEnded:
        """How the tool ends with its child, which is not there to be stopped any more."""
        logger.info("child process exited")
        self.child = None
        return ChildEnded(status)

    def _tell_size(self) -> None:
        size = len(self.watcher)
        if size > VIEW_LIMIT:
            warning = "watching %d dependencies - watching this many dependencies could DDoS your servers"
            logger.warning(warning, size)
        else:
            logger.debug("watching %d dependencies", size)

    async def stop(self, *, immediately: bool) -> None:
        """Stop watching, end the child, remove the process ID. A second time it ends in silence what is left."""
        is_first, self._is_stopping = not self._is_stopping, True
        if is_first:
            logger.info("stopping")
        if self.dedup is not None:
            logger.debug("stopping de-duplication manager")
            dedup, self.dedup = self.dedup, None
            await dedup.stop()
        if is_first:
            logger.debug("stopping watcher")
        await self.watcher.stop()
        if self.child is not None:
            logger.debug("stopping child process%s", " immediately" if immediately else "")
            running, self.child = self.child, None
            await running.stop(immediately=immediately)
        self._remove_pid()

    async def signal(self, number: int) -> None:
        """Pass a signal to the child."""
        if self.child is not None:
            child_logger.info("receiving signal %s", quote(signals.describe(number)))
            await self.child.signal(number)

    def wake(self) -> None:
        """Start a round: something outside the watcher changed."""
        self._wake.set()

    def _store_pid(self) -> None:
        if self.config.pid_file:
            main_logger.info("creating pid file at %s", quote(self.config.pid_file))
            pid_file.store(self.config.pid_file)

    def _remove_pid(self) -> None:
        if self.config.pid_file:
            main_logger.debug("removing pid file at %s", quote(self.config.pid_file))
            pid_file.remove(self.config.pid_file, logger)

    def _start_dedup(self) -> None:
        if not self.config.dedup.enabled:
            return
        if self.config.once:
            logger.info("disabling de-duplication in once mode")
            return
        from pyconsul_template.dedup import DedupManager

        self.dedup = DedupManager(self.config, self.templates, self.values, self.wake)
        self.dedup.start()

    async def _keep_vault_token(self) -> None:
        from pyconsul.toolkit.leases import keep_token

        await keep_token(self.watcher.clients.vault, main_logger)

    # -- waiting -------------------------------------------------------------------------

    async def _wait_for_news(self) -> None:
        """Return when a round is due: data, a timer, the child's end, a call of ``wake``."""
        now = asyncio.get_running_loop().time
        due = min((t.quiescence.due for t in self.templates if t.quiescence and t.quiescence.due), default=None)
        await self._take_news(None if due is None else due - now())
        while (pause := self._next_round - now()) > 0 and self._awaits_answers():
            await self._take_news(pause)
        if self.child is not None and self.child.ended.done():
            raise self._child_ended(self.child.ended.result())
        self._ring(now())

    async def _take_news(self, limit: float | None) -> None:
        """Wait for news, but so many seconds at most, and take in what there is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._wake.wait()
        events = self.watcher.events
        while events:
            self._receive(events.popleft())
        self._wake.clear()  # last: what came in is dealt with by the round that follows, not by another one

    def _awaits_answers(self) -> bool:
        """Whether a template misses data of which nothing has come yet."""
        return any(name not in self.values for t in self.templates for name in t.missing)

    def _receive(self, event: Event) -> None:
        name = event.dependency.name
        if event.error:
            logger.error("watcher reported error: %s", event.error)
            raise RunError(event.error)
        if name in self.dependencies:
            logger.debug("receiving dependency %s", name)
            self.values[name] = event.value
            for template in self.templates:
                if name in template.used:
                    template.is_dirty = True

    def _ring(self, now: float) -> None:
        """Let the template go whose timer has run out first; others follow in rounds of their own."""
        running = [(t.quiescence.due, n) for n, t in enumerate(self.templates) if t.quiescence and t.quiescence.due]
        if not running or min(running)[0] > now:
            return
        template = self._due = self.templates[min(running)[1]]
        logger.debug("received template %s from quiescence", quote(template.identity))
        template.quiescence = None
        template.is_dirty = True

    # -- rounds --------------------------------------------------------------------------

    async def round(self) -> None:
        """Run every template that has to, then the commands of those that were written. Raises RunError."""
        logger.debug("initiating run")
        clock = asyncio.get_running_loop().time
        began = clock()
        written = [template.config for template in self.templates if await self._run_template(template)]
        self._due = None
        self._drop_unused()
        now = clock()
        self._next_round = now + min(PAUSE_RATIO * (now - began), LONGEST_PAUSE)
        problems = [] if self.dry else await run_commands(written, self.environment)
        if written and self.child is not None:
            try:
                await self.child.reload()
            except RunError as error:
                problems.append(str(error))
        if problems:
            word = "error" if len(problems) == 1 else "errors"
            raise RunError(f"{len(problems)} {word} occurred:\n" + "".join(f"\t* {p}\n" for p in problems) + "\n")
        if self.hooks.round_done is not None:
            self.hooks.round_done(self)

    async def _run_template(self, template: Template) -> bool:
        """Execute and perhaps write one template. Returns whether its file changed."""
        if self.config.once and template.is_rendered:
            logger.debug("checking template %s", template.identity)
            logger.debug("once mode and already rendered")
            return False
        if not (template.is_dirty or self._may_differ(template)):
            return False
        logger.debug("checking template %s", template.identity)
        execution = Execution(
            self._recall,
            self.environment,
            template.config.sandbox_path,
            template.config.destination,
            self.config.nomad.namespace or "default",
        )
        template.is_dirty = template.is_current = template.for_quiescence = False
        try:
            text = await self._execute(template, execution)
        except (TemplateError, FunctionError) as error:
            self._failed(template, execution, str(error))
            return False
        template.used, template.missing = execution.used, execution.missing
        self._tell_missing(template)
        if self.dedup is not None and self.dedup.fill(template):  # executed before they were there: once more
            template.is_dirty = True
            self._wake.set()
            return False
        if self._ask(template, execution.used.values()):
            return False  # also where nothing is missing: what was not watched may be old
        if execution.missing:
            logger.debug("missing data for %d dependencies", len(execution.missing))
            return False
        if self.dedup is not None:
            await self.dedup.share(template)
        if self._is_held_back(template):
            return False
        return self._write(template, text)

    def _tell_missing(self, template: Template) -> None:
        if not template.missing:
            return
        logger.debug("missing data for %d dependencies", len(template.missing))
        for name in template.missing:
            logger.debug("missing dependency: %s", name)

    def _may_differ(self, template: Template) -> bool:
        """Whether the file may have to be written though no data changed: somebody else changed it, or the template
        gives something else each time. Rounds of a timer are for its template alone.
        """
        if self._due is not None:
            return False
        undone = template.mark is not None and rendering.mark_of(template.config.destination) != template.mark
        return undone or template.source.is_changing

    async def _execute(self, template: Template, execution: Execution) -> str:
        if template.source.may_block:
            return await in_thread(partial(template.source.execute, execution))
        return template.source.execute(execution)

    def _failed(self, template: Template, execution: Execution, message: str) -> None:
        """A template that cannot be executed ends the tool, unless its stanza says that it does not matter."""
        said = template.source.explain(self._redacted(message, execution))
        template.last_error = said
        where = template.source.where()
        if where:
            logger.error("%s:\n%s", template.config.label, where)
        if template.config.error_fatal:
            raise RunError(f"{template.config.label}: {said}")
        logger.error("%s: %s", template.config.label, said)
        template.is_dirty = True
        template.used = {**template.used, **execution.used}
        self._ask(template, template.used.values())

    def _redacted(self, message: str, execution: Execution) -> str:
        """No secret may stand in a message."""
        found = {value for name in execution.used for value in secrets_of(name, self.values.get(name)) if value}
        if found:
            # Once over the text, longer ones first: no secret may hide a part of another.
            message = re.sub("|".join(map(re.escape, sorted(found, key=len, reverse=True))), "[redacted]", message)
        return message

    def _recall(self, dependency: Dependency) -> Any:
        return self.values.get(dependency.name, ABSENT)

    def _ask(self, template: Template, used: Iterable[Dependency]) -> bool:
        """Watch what the template used; True when something was not watched before."""
        leads = self.dedup is None or self.dedup.is_leader(template)
        unwatched: list[Dependency] = []
        for dependency in used:
            self.dependencies.setdefault(dependency.name, dependency)
            if self.watcher.is_watching(dependency.name):
                continue
            if leads:
                said = "add used dependency %s to missing since isLeader but do not have a watcher"
                logger.debug(said, dependency.name)
            if leads or not dependency.shared or dependency.name not in self.values:
                unwatched.append(dependency)
        if unwatched:
            logger.debug("was not watching %d dependencies", len(unwatched))
        for dependency in unwatched:
            if leads or not dependency.shared:
                self.watcher.add(dependency)
        return bool(unwatched)

    def _is_held_back(self, template: Template) -> bool:
        """Whether a quiescence timer holds the template."""
        if template.quiescence is None:
            return False
        template.quiescence.tick(asyncio.get_running_loop().time())
        template.for_quiescence = True
        return True

    def _write(self, template: Template, text: str) -> bool:
        config = template.config
        logger.debug("rendering %s", config.display)
        if self.config.parse_only:
            return False
        try:
            result = rendering.render(config, to_bytes(text), dry=self.dry, show=not self.quiet)
        except RunError as error:
            if config.error_fatal:
                raise RunError(f"error rendering {config.display}: {error}") from None
            logger.error("error rendering: %s: %s", config.display, error)
            template.last_error = str(error)
            template.is_dirty = True
            return False
        template.is_rendered = template.is_current = True
        template.last_error = ""
        if not self.dry:
            template.mark = rendering.mark_of(config.destination)
        if result.wrote:
            logger.info("rendered %s", config.display)
            template.rendered_at = time.time()
            template.renders += 1
        if self.hooks.rendered is not None:
            self.hooks.rendered(template, result)
        return result.wrote

    def _drop_unused(self) -> None:
        """Stop watching what no template asks for any more."""
        logger.debug("diffing and updating dependencies")
        needed = {name for t in self.templates for name in t.used}
        for name in [name for name in self.dependencies if name not in needed]:
            logger.debug("%s is no longer needed", name)
            self.watcher.remove(name)
            self.values.pop(name, None)
            del self.dependencies[name]
        for name in self._needed & needed if logger.isEnabledFor(logging.DEBUG) else ():
            logger.debug("%s is still needed", name)
        self._needed = needed

    # -- when everything is rendered ---------------------------------------------------------

    def _all_rendered(self) -> bool:
        return all(t.is_current or t.for_quiescence for t in self.templates)

    async def _when_all_rendered(self) -> None:
        if self.hooks.ready is not None and not self._is_ready:
            self._is_ready = True
            self.hooks.ready()
        for template in self.templates:
            if template.quiescence is None:
                own = template.config.wait.enabled
                wait = template.config.wait if own else self.config.wait
                if wait.enabled:
                    kind = "template-specific quiescence" if own else "global quiescence"
                    logger.debug("enabling %s for %s", kind, quote(template.identity))
                    template.quiescence = Quiescence(wait)
        if self.config.exec.has_command and self.child is None and not (self.quiet or self._is_stopping):
            await self._start_child()

    async def _start_child(self) -> None:
        settings = self.config.exec
        self.child = children.Child(
            children.ChildSettings(
                settings.command,
                settings.environment.build(os.environ, self.environment),
                settings.reload_signal,
                settings.kill_signal,
                settings.kill_timeout,
                settings.splay,
            ),
            child_logger,
        )
        self.child.ended.add_done_callback(lambda _: self.wake())
        await self.child.start()


def secrets_of(name: str, value: Known) -> list[str]:
    """The texts of a dependency's value that no message may show."""
    if name.startswith("vault."):
        data: Known = getattr(value, "Data", None)
        return [str(held) for held in data.values()] if isinstance(data, dict) else []
    if name.startswith("nomad.var.") and isinstance(value, dict):
        return [item.Value for item in value.values()]
    return []


def _go(value: bool) -> str:
    return "true" if value else "false"


def _prepared(config: TemplateConfig) -> Template:
    text = read_source(config)
    return Template(config, Source(config, text), config.identity(text))
