"""Script checks: a command in a process group of its own; its exit status is the answer."""

from __future__ import annotations

import asyncio
import contextlib

from pyconsul.agent import children
from pyconsul.agent.checks.outputs import Tail
from pyconsul.agent.checks.probes import ProbeSettings, Result, check_kind, timeout_of
from pyconsul.primitives.durations import SECOND, format_duration
from pyconsul.primitives.spawning import PipedProcess
from pyconsul.primitives.system_errors import system_text
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
        self._overdue: PipedProcess | None = None

    async def attempt(self) -> Result:
        """Exit 0 passing, 1 warning, anything else critical; so is what does not start or end in time.

        Where the check is stopped meanwhile the script has its time, all the same: it may be what stopped the check.
        """
        self._running = asyncio.create_task(self._run())
        return await asyncio.shield(self._running)

    async def _run(self) -> Result:
        if self._overdue is not None:  # never two at a time, even where one could not be killed
            await self._overdue.wait()
            self._overdue = None
        args = self._check.ScriptArgs or [""]
        try:
            child = await children.start(args)
        except children.NotStarted as error:
            text = str(error)
            _log.error("Check failed to invoke", check=self._id, error=text)
            return Result(CRITICAL, text, direct=True)
        tail = Tail(self._limit)
        async with child:
            try:
                async with asyncio.timeout(timeout_of(self._check, SCRIPT_TIMEOUT)):
                    await _drain(child, tail)
                    code = await child.wait()
            except TimeoutError:
                return await self._timed_out(child, tail)
        output = tail.captured()
        _log.trace("Check output", check=self._id, output=output)
        return Result({0: PASSING, 1: WARNING}.get(code, CRITICAL), output)

    async def _timed_out(self, child: PipedProcess, tail: Tail) -> Result:
        self._overdue = child
        try:
            child.kill_group()
        except PermissionError as error:
            _log.warn("Check failed to kill after timeout", check=self._id, error=system_text(error))
        limit = format_duration(int(timeout_of(self._check, SCRIPT_TIMEOUT) * SECOND))
        _log.warn("Timed out running check", check=self._id, timeout=limit)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                await _drain(child, tail)
        await child.end()
        output = tail.captured()
        text = f"Timed out ({limit}) running check"
        return Result(CRITICAL, f"{text}\n\n{output}" if output else text, direct=True)


async def _drain(child: PipedProcess, tail: Tail) -> None:
    while data := await child.stdout.read(65536):
        tail.write(data)
