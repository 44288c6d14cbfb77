"""A supervised child process and commands with a time limit, with the tools' signals, splay and messages."""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
from collections.abc import Mapping, Sequence

import msgspec

from pyconsul.lang.strconv import quote
from pyconsul.primitives.dice import DICE
from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.spawning import Process
from pyconsul.primitives.system_errors import system_text
from pyconsul.toolkit.errors import RunError


class ChildSettings(msgspec.Struct, frozen=True):
    """How to run it: durations in nanoseconds; signal 0 is sent to nobody. ``environment`` is complete.

    Without a reload signal a change starts the child anew.
    """

    command: Sequence[str]
    environment: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    reload_signal: int | None = None
    kill_signal: int = signal.SIGINT
    kill_timeout_ns: int = 30_000_000_000
    splay_ns: int = 0


def prepared(command: Sequence[str]) -> tuple[list[str], bool]:
    """The words to execute, and whether a shell reads them. Raises RunError.

    One text of several words is the shell's; anything else runs as it is.
    """
    if len(command) == 1 and len(command[0].split()) > 1:
        for shell in ("sh", "/bin/sh", "/usr/bin/sh"):
            if shutil.which(shell):
                return [shell, "-c", command[0]], True
    elif command and command[0].strip():
        return list(command), False
    raise RunError("failed parsing command: executable file not found in $PATH")


def _exit_code(status: int) -> int:
    """Go's ExitStatus: -1 after a signal."""
    return -1 if status < 0 else status


def _started(words: Sequence[str], environment: Mapping[str, str], *, own_group: bool) -> Process:
    """A process that shares our output, and whatever files our caller opened for it. Raises RunError."""
    path = words[0] if "/" in words[0] else shutil.which(words[0])
    if path is None:
        raise RunError(f"child: exec: {quote(words[0])}: executable file not found in $PATH")
    try:
        return Process(words, executable=path, env=dict(environment), own_group=own_group, close_fds=False)
    except OSError as error:
        raise RunError(f"child: fork/exec {path}: {system_text(error)}") from None
    except ValueError:  # a NUL, with which Python does not even try
        is_word = any("\0" in word for word in words)
        reason = f"fork/exec {path}: invalid argument" if is_word else "exec: environment variable contains NUL"
        raise RunError(f"child: {reason}") from None


def start_command(command: Sequence[str], environment: Mapping[str, str], logger: logging.Logger) -> None:
    """Start a command and leave it to itself. Raises RunError when that cannot be done."""
    words, shell = prepared(command)
    logger.info("spawning: %s", " ".join(words))
    _started(words, environment, own_group=shell)


async def run_command(
    command: Sequence[str], environment: Mapping[str, str], timeout_ns: int, logger: logging.Logger
) -> None:
    """Run a command to its end. Raises RunError when it fails or takes too long.

    When the tool ends or reads its configuration again meanwhile, the command goes on: half of it may be worse.
    """
    words, shell = prepared(command)
    shown = " ".join(words)
    logger.info("spawning: %s", shown)
    process = _started(words, environment, own_group=shell)
    try:
        async with asyncio.timeout(timeout_ns / 1e9 if timeout_ns else None):
            status = await process.wait()
    except TimeoutError:
        process.send(signal.SIGKILL)
        await process.wait()
        limit = quote(format_duration(timeout_ns))
        raise RunError(f"child: command did not exit within time limit ({limit}):\n    {shown}") from None
    if status:
        raise RunError(
            f"child: command exited with a non-zero exit status:\n\n    {shown}\n\n"
            "Please ensure the command exits with a zero (0) exit status to indicate success"
        )


class Child:
    """One child that lives as long as the tool: started again or signalled on change, stopped at the end."""

    def __init__(self, settings: ChildSettings, logger: logging.Logger) -> None:
        self.settings = settings
        self.words, self.shell = prepared(settings.command)
        self.logger = logger
        self.process: Process | None = None
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """The exit status, once the child ends by itself; -1 after a signal."""
        self._stopped = False
        self._told_to_end: Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The process ID, 0 when it does not run."""
        return self.process.pid if self.process is not None and not self.process.status.done() else 0

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self.pid != 0

    async def start(self) -> None:
        """Start the process. Raises RunError."""
        self.logger.info("spawning: %s", " ".join(self.words))
        self._spawn()

    def _spawn(self) -> None:
        self.process = _started(self.words, self.settings.environment, own_group=self.shell)
        self._watch = asyncio.create_task(self._wait(self.process))

    async def _wait(self, process: Process) -> None:
        status = await process.wait()
        if process is not self._told_to_end and not self._stopped and not self.ended.done():
            self.ended.set_result(_exit_code(status))

    async def signal(self, number: int) -> None:
        """Pass a signal on; the reload signal waits for the splay, and after the kill signal the child does end."""
        process = self.process
        if process is None:
            return
        if number == self.settings.reload_signal:
            await self.splay()
            process.send(number)
        elif number == self.settings.kill_signal:
            self.logger.debug("Kill() called but performing immediate shutdown; not waiting for splay.")
            await self._end(process)
        else:
            process.send(number)

    async def splay(self) -> None:
        """Wait for a random part of the splay."""
        if self.settings.splay_ns:
            pause = DICE.random() * self.settings.splay_ns / 1e9
            self.logger.debug("waiting %.2fs for random splay", pause)
            await asyncio.sleep(pause)

    async def reload(self) -> None:
        """Tell the child that something changed: its reload signal, or a new start."""
        if self.settings.reload_signal is not None:
            self.logger.info("reloading process")
            await self.signal(self.settings.reload_signal)
            return
        self.logger.info("restarting process")
        await self.kill(immediately=False)
        if not self._stopped:
            self._spawn()

    async def kill(self, *, immediately: bool) -> None:
        """End the process: kill signal, unless somebody sent it already, then SIGKILL after the time limit."""
        process = self.process
        if process is None or process.status.done():
            self.logger.debug("Kill() called but process dead; not waiting for splay.")
            return
        if immediately:
            self.logger.debug("Kill() called but performing immediate shutdown; not waiting for splay.")
        else:
            await self.splay()
        # Only now, after the splay: a child that ended by itself while that ran has ended the tool.
        is_told, self._told_to_end = process is self._told_to_end, process
        await self._end(process, is_told=is_told)

    async def _end(self, process: Process, *, is_told: bool = False) -> None:
        if not is_told:
            process.send(self.settings.kill_signal)  # SIGNULL sends nothing, but the time runs all the same
        try:
            async with asyncio.timeout(self.settings.kill_timeout_ns / 1e9):
                await process.wait()
        except TimeoutError:
            self.logger.debug("child did not end in time")
            process.send(signal.SIGKILL)
            await process.wait()

    async def stop(self, *, immediately: bool) -> None:
        """End the process for good."""
        self.logger.info("stopping process")
        self._stopped = True
        await self.kill(immediately=immediately)
        if self._watch is not None:
            await self._watch
