"""Script checks: a command in a process group of its own; its exit status is the answer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

from pyconsul.agent.checks.outputs import Tail
from pyconsul.agent.checks.probes import ProbeSettings, Result, check_kind, timeout_of
from pyconsul.lang.strconv import quote
from pyconsul.primitives import open_files
from pyconsul.primitives.dialing import errno_text
from pyconsul.primitives.durations import SECOND, format_duration
from pyconsul.structs.health import CRITICAL, PASSING, WARNING
from pyconsul.telemetry import logger

_log = logger("agent")
SCRIPT_TIMEOUT = 30.0
_LAST_WORDS = 1.0  # seconds for reading what a killed script had said; who left its process group may hold the pipe


@check_kind("script")
class ScriptProbe:
    """Runs ``ScriptArgs`` without a shell; standard output and error go into one tail."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._id = settings.check_id
        self._check = settings.type
        self._limit = settings.output_limit

    async def attempt(self) -> Result:
        """Exit 0 passing, 1 warning, anything else critical; so is what does not start or end in time."""
        args = self._check.ScriptArgs or [""]
        try:
            child = await asyncio.create_subprocess_exec(
                *args,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=open_files.for_child(),
            )
        except (OSError, ValueError) as error:
            text = start_text(args[0], error)
            _log.error("Check failed to invoke", check=self._id, error=text)
            return Result(CRITICAL, text, direct=True)
        tail = Tail(self._limit)
        try:
            async with asyncio.timeout(timeout_of(self._check, SCRIPT_TIMEOUT)):
                await _drain(child, tail)
                code = await child.wait()
        except TimeoutError:
            return await self._timed_out(child, tail)
        except asyncio.CancelledError:
            _kill(child)
            raise
        output = tail.captured()
        _log.trace("Check output", check=self._id, output=output)
        return Result({0: PASSING, 1: WARNING}.get(code, CRITICAL), output)

    async def _timed_out(self, child: asyncio.subprocess.Process, tail: Tail) -> Result:
        _kill(child)
        limit = format_duration(int(timeout_of(self._check, SCRIPT_TIMEOUT) * SECOND))
        _log.warn("Timed out running check", check=self._id, timeout=limit)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                await _drain(child, tail)
        await child.wait()
        output = tail.captured()
        text = f"Timed out ({limit}) running check"
        return Result(CRITICAL, f"{text}\n\n{output}" if output else text, direct=True)

    async def close(self) -> None:
        """Nothing is held."""


async def _drain(child: asyncio.subprocess.Process, tail: Tail) -> None:
    assert child.stdout is not None
    while data := await child.stdout.read(65536):
        tail.write(data)


def _kill(child: asyncio.subprocess.Process) -> None:
    """End the child and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def in_shell(script: str) -> list[str]:
    """The words that run a line in the shell of the user as whom the agent runs."""
    return [os.environ.get("SHELL") or "/bin/sh", "-c", script]


def start_text(path: str, error: Exception) -> str:
    """What Go says about a command that cannot be started."""
    if not isinstance(error, OSError):
        return f"fork/exec {path}: invalid argument"
    if not path:
        return "exec: no command"
    if isinstance(error, FileNotFoundError) and "/" not in path:
        return f"exec: {quote(path)}: executable file not found in $PATH"
    return f"fork/exec {path}: {errno_text(error)}"
