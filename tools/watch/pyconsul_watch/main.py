"""``py-consul-watch``: flags, signals, reload, exit statuses."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pyconsul.lang.goflags import FlagError, HelpRequested
from pyconsul.primitives.standard_streams import say
from pyconsul.sdk.errors import ConfigError as SettingsError
from pyconsul.toolkit import collection, logs, pid_file, program
from pyconsul.toolkit.errors import (
    EXIT_CONFIG,
    EXIT_FLAGS,
    EXIT_INTERRUPT,
    EXIT_OK,
    EXIT_RUN,
    ConfigError,
    ToolError,
)
from pyconsul_watch import arguments
from pyconsul_watch.config import Config, load
from pyconsul_watch.notify import Notifier
from pyconsul_watch.state import State

if TYPE_CHECKING:
    from pyconsul_watch.display import Display

ROOT: Final = "pyconsul_watch"
EXIT_UNDELIVERED: Final = 1
logger = logging.getLogger(f"{ROOT}.cli")


def version_text() -> str:
    """One line with the distribution's version."""
    from importlib.metadata import version

    return f"py-consul-watch v{version('py-consul-agent')}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit status."""
    try:
        args = arguments.parse(list(sys.argv[1:] if argv is None else argv))
    except HelpRequested:
        say(arguments.usage())
        return EXIT_OK
    except FlagError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FLAGS
    if args.version:
        say(version_text() + "\n")
        return EXIT_OK
    try:
        config = _load(args)
        state = State(config.state_file)
        if not args.validate:
            state.lock()
        state.load()
    except ConfigError as error:
        logs.early_error("cli", str(error))
        return EXIT_CONFIG
    if args.validate:
        say(f"Configuration is valid! {len(config.watches)} watches\n")
        return EXIT_OK
    return asyncio.run(_Process(args, config, state).run())


def entry() -> None:
    """The console script."""
    program.run(main)


def _load(args: arguments.Arguments) -> Config:
    """The configuration, with the log set up. Raises ConfigError."""
    config = load(args.paths, args.settings, os.environ)
    if not config.watches:
        raise ConfigError("no watches are configured")
    config.logging.apply(ROOT)
    return config


class _Process:
    """The tool from start to end."""

    def __init__(self, args: arguments.Arguments, config: Config, state: State) -> None:
        from pyconsul_watch.session import Session

        self.args = args
        self.notifier = Notifier(os.environ)
        self.signals: asyncio.Queue[int] = asyncio.Queue()
        self._config = config
        self._state = state
        self._session_type = Session
        self._beside: list[asyncio.Task[None]] = []
        self._display: Display | None = None

    async def run(self) -> int:
        """Work until something ends the tool. Returns the exit status."""
        collection.settle_soon()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.signals.put_nowait, number)
        try:
            self.session = self._session_type(self._config, self._state)
            pid_file.store(self._config.pid_file)
        except (ToolError, SettingsError) as error:
            logger.error("%s", error)
            return EXIT_CONFIG
        try:
            if self.args.once:
                return EXIT_OK if await self.session.once() else EXIT_UNDELIVERED
            return await self._stay()
        finally:
            self.notifier.stopping()
            await self.session.stop()
            pid_file.remove(self._config.pid_file, logger)

    async def _stay(self) -> int:
        self.session.start()
        self._beside.append(asyncio.create_task(self._announce()))
        if self.notifier.watchdog_pause:
            self._beside.append(asyncio.create_task(self._show_life()))
        self._start_display()
        failing = asyncio.create_task(self.session.failed())
        try:
            return await self._until_signal(failing)
        finally:
            if self._display is not None:
                await self._display.stop()
            for task in (failing, *self._beside):
                task.cancel()
            await asyncio.wait([failing, *self._beside])

    async def _until_signal(self, failing: asyncio.Task[None]) -> int:
        while True:
            received = asyncio.create_task(self.signals.get())
            await asyncio.wait([failing, received], return_when=asyncio.FIRST_COMPLETED)
            if not received.done():
                received.cancel()
                logger.error("%s", failing.exception())
                return EXIT_RUN
            if received.result() == signal.SIGHUP:
                await self._reload()
                continue
            logger.info("stopping")
            return EXIT_INTERRUPT if received.result() == signal.SIGINT else EXIT_OK

    async def _reload(self) -> None:
        """Go on with what the files say now; a mistake in them changes nothing."""
        logger.info("reloading configuration")
        self.notifier.reloading()
        try:
            config = _load(self.args)
            self._guard_log()
            await self.session.reload(config)
        except (ConfigError, SettingsError) as error:
            logger.error("the configuration stays as it was: %s", error)
        self._beside = [task for task in self._beside if not task.done()]
        self._beside.append(asyncio.create_task(self._announce()))

    async def _announce(self) -> None:
        await self.session.answered()
        self.notifier.ready(f"{len(self.session.followers)} watches")
        logger.info("%d watches are at work", len(self.session.followers))

    async def _show_life(self) -> None:
        while True:
            self.notifier.alive()
            await asyncio.sleep(self.notifier.watchdog_pause)

    def _start_display(self) -> None:
        if self.args.plain or not sys.stderr.isatty():
            return
        from pyconsul_watch.display import Display

        self._display = Display(sys.stderr, lambda: self.session.followers)
        self._guard_log()
        self._display.start()

    def _guard_log(self) -> None:
        """Log lines must not be written behind the status line."""
        if self._display is not None:
            for handler in logging.getLogger(ROOT).handlers:
                handler.addFilter(self._display.clear)


if __name__ == "__main__":
    entry()
