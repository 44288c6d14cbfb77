"""``py-consul-snapshot-agent`` and ``py-consul snapshot agent``: flags, signals, reload, exit statuses.

The status is 0 after a clean end, else 1, as everywhere in Consul's command line.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Final

from pyconsul.lang.goflags import FlagError, HelpRequested
from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.standard_streams import OutputLost, say
from pyconsul.sdk.errors import ConfigError as ClientConfigError
from pyconsul.toolkit import collection, program
from pyconsul.toolkit.errors import ConfigError, ToolError
from pyconsul.toolkit.schema import merge
from pyconsul_snapshot_agent import arguments, commands, config, lines
from pyconsul_snapshot_agent.agent import SnapshotAgent
from pyconsul_snapshot_agent.config import Config
from pyconsul_snapshot_agent.halt import Halt, Halted
from pyconsul_snapshot_agent.lines import logger
from pyconsul_snapshot_agent.saving import SaveFailed
from pyconsul_snapshot_agent.sealing import Keys
from pyconsul_snapshot_agent.storage import Storage
from pyconsul_snapshot_agent.targets import keys_of, open_targets

EXIT_OK: Final = 0
EXIT_ERROR: Final = 1
_SAME_SIGNAL: Final = 1.0  # seconds
_ENDING: Final = {signal.SIGINT: "interrupt", signal.SIGTERM: "terminated"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the tool. Returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        args = arguments.parse(words)
    except HelpRequested:
        say(arguments.usage())
        return EXIT_OK
    except FlagError as error:
        return _refused(str(error))
    if args.version:
        say(f"py-consul-snapshot-agent {_version()}\n")
        return EXIT_OK
    if args.rest and not args.command:
        return _refused(f"unknown command {args.rest[0]}")
    try:
        run = _Run(args)
        if args.command:
            return asyncio.run(commands.run(args, run.config, run.targets, run.keys))
        return asyncio.run(_Session(run).run())
    except ToolError as error:
        return _refused(str(error))


def entry() -> None:
    """The console script."""
    program.run(main, interrupted=EXIT_ERROR)


def _refused(problem: str) -> int:
    sys.stderr.write(f"Error: {problem}\n")
    return EXIT_ERROR


def _version() -> str:
    from importlib.metadata import version

    return version("py-consul-agent")


class _Run:
    """What the command line and the files say at one moment, with the destinations opened. Raises ConfigError."""

    def __init__(self, args: arguments.Arguments) -> None:
        self.args = args
        settings = args.settings
        if args.command:  # as a single snapshot, a sub-command may be for another datacenter
            settings = merge(settings, {"snapshot": {"interval": 0}})
        try:
            self.config: Config = config.load(args.files, args.directories, settings, os.environ)
        except ClientConfigError as error:
            raise ConfigError(str(error)) from error
        self.keys: Keys = keys_of(self.config)
        self.targets: list[Storage] = open_targets(self.config)
        lines.setup(self.config.log)


class _Session:
    """One process: runs a configuration, and another one after SIGHUP."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._halt = Halt()
        self._reload = False
        self._asked = 0.0

    async def run(self) -> int:
        """Work until something ends the tool. Returns the exit status."""
        collection.settle_soon()
        loop = asyncio.get_running_loop()
        for number, name in _ENDING.items():
            loop.add_signal_handler(number, self._end, name)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        with contextlib.suppress(OutputLost):  # snapshots matter more than a place for the banner
            say(_banner(self._run))
        while True:
            for warning in self._run.config.warnings:
                logger.warning("%s", warning)
            agent = SnapshotAgent(self._run.config, self._run.targets, self._run.keys)
            if self._run.config.schedule.is_one_shot:
                return await self._once(agent)
            await agent.run(self._halt)
            if not self._reload:
                return EXIT_OK
            self._reload, self._halt = False, Halt()

    async def _once(self, agent: SnapshotAgent) -> int:
        try:
            await agent.run_once(self._halt)
        except (SaveFailed, Halted) as error:
            logger.error("Snapshot failed: %s", error)
            return EXIT_ERROR
        return EXIT_OK

    def _end(self, name: str) -> None:
        now = time.monotonic()
        if self._halt.is_set() and not self._reload:
            # A second one means that somebody is in a hurry, but timeout(1) sends each signal twice at once.
            if now - self._asked > _SAME_SIGNAL:
                os._exit(EXIT_ERROR)
            return
        self._asked = now
        logger.info("Caught signal: %s", name)
        self._reload = False
        self._halt.set("the snapshot agent ends")

    def _hang_up(self) -> None:
        """Read the configuration again; one that is wrong is said to be, and the old one goes on."""
        if self._halt.is_set():
            return
        try:
            # Here and not when the old run has ended: with a mistake in it there would be nothing to go on with.
            fresh = _Run(self._run.args)
            if fresh.config.schedule.is_one_shot:
                raise ConfigError("a running snapshot agent cannot change to interval 0")
        except ToolError as error:
            logger.error("Cannot reload: %s", error)
            return
        logger.info("Reloading configuration")
        self._run, self._reload = fresh, True
        self._halt.set("the configuration is read again")


def _banner(run: _Run) -> str:
    """What runs with which settings, as Consul's agents say it at their start."""
    schedule = run.config.schedule
    rows = [
        ("Version", _version()),
        ("Datacenter", run.config.client.datacenter or "(default)"),
        ("Interval", f'"{format_duration(schedule.interval)}"'),
        ("Retain", str(schedule.retain)),
        ("Stale", str(schedule.stale).lower()),
        ("Mode", "one-shot" if schedule.is_one_shot else "daemon"),
    ]
    if not schedule.is_one_shot:
        rows += [
            ("Service", f'"{schedule.service}"'),
            ("Deregister After", f'"{format_duration(schedule.deregister_after)}"'),
            ("Lock Key", f'"{schedule.lock_key}"'),
            ("Max Failures", str(schedule.max_failures)),
        ]
    rows += [("Snapshot Storage", target.where) for target in run.targets]
    rows.append(("Encryption", "AES-256-GCM" if run.keys.secrets else "none"))
    shown = "".join(f"{name:>20}: {value}\n" for name, value in rows)
    return f"==> Consul snapshot agent running!\n{shown}\n==> Log data will now stream in as it occurs:\n\n"


if __name__ == "__main__":
    entry()
