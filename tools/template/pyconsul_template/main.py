"""``py-consul-template``: flags, signals, reload, exit statuses."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyconsul.lang.goflags import FlagError, HelpRequested
from pyconsul.lang.strconv import quote
from pyconsul.primitives.standard_streams import say
from pyconsul.toolkit import collection, logs, program, signals
from pyconsul.toolkit.errors import EXIT_CONFIG, EXIT_FLAGS, EXIT_INTERRUPT, EXIT_OK, ChildEnded, ConfigError, ToolError
from pyconsul_template import arguments
from pyconsul_template.config import Config, load

if TYPE_CHECKING:
    from pyconsul_template.runner import Runner
    from pyconsul_template.session import Extras

logger = logging.getLogger("pyconsul_template.cli")
runner_logger = logging.getLogger("pyconsul_template.runner")


def version_text() -> str:
    """One line: whose behaviour, and who we are."""
    return f"consul-template v{arguments.VERSION} (py-consul)"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["lint"]:
        from pyconsul_template.lint import run

        return run(words[1:], say, sys.stderr)
    try:
        args = arguments.parse(words, os.environ)
    except HelpRequested:
        say(arguments.usage())
        return EXIT_OK
    except (FlagError, ConfigError) as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_FLAGS
    try:
        config = load(args.paths, args.settings, os.environ)
        config.logging.apply("pyconsul_template")
    except ConfigError as error:
        logs.early_error("cli", str(error))
        return EXIT_CONFIG
    logging.getLogger("pyconsul_template.main").info("%s", version_text())
    if args.version:
        say(version_text() + "\n")
        return EXIT_OK
    return asyncio.run(_Session(args, config).run())


def entry() -> None:
    """The console script."""
    program.run(main)


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
                self.config = load(self.args.paths, self.args.settings, os.environ)
                self.config.logging.apply("pyconsul_template")
            except ConfigError as error:
                logger.error("%s", error)
                return EXIT_CONFIG

    async def _one_configuration(self) -> int | None:
        """Run the present configuration. Returns the exit status, None for a reload."""
        from pyconsul_template.session import Extras

        extras = Extras(self.args, self.config)
        try:
            runner = extras.runner()
            async with extras:
                work = asyncio.create_task(runner.run())
                try:
                    return await self._supervise(runner, work, extras)
                finally:
                    work.cancel()
                    await asyncio.wait([work])
        except ToolError as error:
            logger.error("%s", error)
            return error.status

    async def _supervise(self, runner: Runner, work: asyncio.Task[None], extras: Extras) -> int | None:
        while True:
            received = asyncio.create_task(self.signals.get())
            await asyncio.wait([work, received], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                received.cancel()
                error = work.exception()
                return extras.status() if error is None else _ending(error)
            number = received.result()
            logger.debug("receiving signal %s", quote(signals.describe(number)))
            if number == self.config.reload_signal:
                sys.stderr.write("Reloading configuration...\n")
                await runner.stop(immediately=False)
                runner_logger.info("received finish")
                return None
            if number == self.config.kill_signal:
                sys.stderr.write("Cleaning up...\n")
                await runner.stop(immediately=True)
                return EXIT_INTERRUPT
            await runner.signal(number)


def _ending(error: BaseException) -> int:
    """The exit status for what ended the runner; it is logged here."""
    if isinstance(error, ChildEnded):
        (logger.info if error.code == 0 else logger.error)("%s", error)
        return error.code
    if isinstance(error, ToolError):
        logger.error("%s", error)
        return error.status
    raise error


if __name__ == "__main__":
    entry()
