"""``py-envconsul``: flags, signals, reload, exit statuses."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from pyconsul.lang.goflags import FlagError, HelpRequested
from pyconsul.primitives.standard_streams import say
from pyconsul.toolkit import collection, program, signals
from pyconsul.toolkit.errors import (
    EXIT_CONFIG,
    EXIT_FLAGS,
    EXIT_INTERRUPT,
    EXIT_OK,
    ChildEnded,
    ConfigError,
    RunError,
    ToolError,
)
from pyconsul_envconsul import arguments, lines
from pyconsul_envconsul.config import Config, load
from pyconsul_envconsul.runner import Runner

runner_logger = logging.getLogger(f"{lines.ROOT}.runner")
root_logger = logging.getLogger(lines.ROOT)
logger = logging.getLogger(f"{lines.ROOT}.cli")


def version_text() -> str:
    """One line: whose behaviour, and who we are."""
    return f"envconsul v{arguments.VERSION} (py-consul)"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        args = arguments.parse(words, lines.early)
    except HelpRequested:
        say(arguments.usage())
        return EXIT_OK
    except FlagError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FLAGS
    try:
        config = _load(args)
    except ConfigError as error:
        lines.early(logging.ERROR, str(error))
        return EXIT_CONFIG
    if args.version:
        say(version_text() + "\n")
        return EXIT_OK
    if not config.exec.has_command:
        root_logger.error("No command given")
        return EXIT_CONFIG
    logger.info("%s", version_text())
    return asyncio.run(_Session(args, config).run())


def entry() -> None:
    """The console script."""
    program.run(main)


def _load(args: arguments.Arguments) -> Config:
    """The configuration, with the log set up. Raises ConfigError."""
    config = load(args.paths, args.settings, os.environ, lines.early)
    lines.setup(config.logging)
    return config


class _Ending(NamedTuple):
    """How a configuration ended: the exit status (None for a reload), and what the log says last."""

    status: int | None
    message: str = ""


class _Session:
    """One process: runs a configuration, and another one after each reload."""

    def __init__(self, args: arguments.Arguments, config: Config) -> None:
        self.args = args
        self.config = config
        self.signals: asyncio.Queue[int] = asyncio.Queue()

    async def run(self) -> int:
        """Work until something ends the tool. Returns the exit status."""
        collection.settle_soon()
        loop = asyncio.get_running_loop()
        for number in signals.PASSED_ON:
            loop.add_signal_handler(number, self.signals.put_nowait, number)
        while True:
            status = await self._one_configuration()
            if status is not None:
                return status
            try:
                self.config = _load(self.args)
            except ConfigError as error:
                root_logger.error("%s", error)
                return EXIT_CONFIG

    async def _one_configuration(self) -> int | None:
        """Run the present configuration. Returns the exit status, None for a reload."""
        try:
            runner = Runner(self.config, os.environ)
        except ToolError as error:
            root_logger.error("%s", error)
            return error.status
        work = asyncio.create_task(runner.run())
        try:
            ending = await self._supervise(runner, work)
        finally:
            await runner.stop()
            work.cancel()
            await asyncio.wait([work])
        if ending.status is None:
            runner_logger.info("received finish")
        if ending.message:
            root_logger.error("%s", ending.message)
        return ending.status

    async def _supervise(self, runner: Runner, work: asyncio.Task[None]) -> _Ending:
        while True:
            received = asyncio.create_task(self.signals.get())
            try:
                await asyncio.wait([work, received], return_when=asyncio.FIRST_COMPLETED)
            finally:
                number = received.result() if received.done() else None
                received.cancel()
            if number is None:
                return _ending(work)
            logger.debug(lines.with_value("receiving signal", signals.describe(number), "signal"))
            if number == self.config.reload_signal:
                sys.stderr.write("Reloading configuration...\n")
                return _Ending(None)
            if number == self.config.kill_signal:
                sys.stderr.write("Cleaning up...\n")
                return _Ending(EXIT_INTERRUPT)
            await runner.signal(number)


def _ending(work: asyncio.Task[None]) -> _Ending:
    """The exit status for what ended the runner, and the words for it."""
    error = work.exception()
    if isinstance(error, ChildEnded):
        logger.info("subprocess exited")
        if error.code == 0:
            return _Ending(EXIT_OK)
        return _Ending(error.code, f"unexpected exit from subprocess ({error.shown})")
    if isinstance(error, ToolError):
        return _Ending(error.status, str(error))
    raise error if error is not None else RunError("the runner did not end")


if __name__ == "__main__":
    entry()
