"""What ``consul exec`` asks of this agent: run a command, and write into the key-value store what comes of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any, ClassVar, Final

from pyconsul.agent import children
from pyconsul.agent.local.tokens import Tokens
from pyconsul.lang import gopath
from pyconsul.lang.gojson_syntax import GoSyntaxError
from pyconsul.primitives.durations import to_seconds
from pyconsul.primitives.spawning import PipedProcess
from pyconsul.primitives.system_errors import file_text
from pyconsul.structs import godecode
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.event import UserEvent
from pyconsul.structs.kv import DirEntry, KeyRequest, KVSRequest
from pyconsul.structs.wire import WireStruct
from pyconsul.telemetry import logger

__all__ = ["RemoteExec", "pieces"]

_log = logger("agent")
_PIECE: Final = 4096
_IDLE: Final = 0.5  # seconds without more, after which less than a piece goes out
_NOT_RUN: Final = 255


class _Call(WireStruct, frozen=True, kw_only=True):
    """The payload of the event: where the job lies, and the session that keeps what belongs to it."""

    go_type: ClassVar[str] = "agent.remoteExecEvent"

    Prefix: str = ""
    Session: str = ""


class _Job(WireStruct, frozen=True, kw_only=True):
    """A script, or a program with arguments, or else a command for the shell. ``Wait`` is in nanoseconds."""

    go_type: ClassVar[str] = "agent.remoteExecSpec"
    go_field_types: ClassVar[dict[str, str]] = {"Wait": "time.Duration"}

    Command: str = ""
    Args: list[str] | None = None
    Script: bytes | None = None
    Wait: int = 0


class RemoteExec:
    """Carries out jobs, each in a task of its own, with the token of the agent."""

    def __init__(self, node: str, datacenter: str, rpc: Callable[[str, Any], Awaitable[Any]], tokens: Tokens) -> None:
        self._node = node
        self._datacenter = datacenter
        self._rpc = rpc
        self._tokens = tokens
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, event: UserEvent) -> None:
        """Carry out the job that an event tells of."""
        self._spawn(self._heed(event))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="remote exec")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finished(self) -> None:
        """Return when no job is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Cut off all jobs."""
        for task in self._tasks:
            task.cancel()
        await self.finished()

    async def _heed(self, event: UserEvent) -> None:
        _log.debug("received remote exec event", id=event.ID)
        try:
            call = godecode.into(godecode.parse_whole(event.Payload or b""), _Call, strict=False)
        except (GoSyntaxError, godecode.DecodeError) as error:
            _log.error("failed to decode remote exec event", error=error)
            return
        job = await self._job(call)
        if job is None or not await self._write(call, "ack", b"", "failed to ack remote exec job"):
            return
        code = await self._run(call, job)
        await self._write(call, "exit", str(code).encode(), "failed to write exit code for remote exec job")

    async def _job(self, call: _Call) -> _Job | None:
        """What there is to do. The log tells why there is nothing."""
        key = gopath.join(call.Prefix, call.Session, "job")
        token = self._tokens.agent_token()
        for stale in (True, False):  # any server will do, unless it has not heard of the job yet
            asked = KeyRequest(Datacenter=self._datacenter, Key=key, Token=token, AllowStale=stale)
            try:
                found = await self._rpc("KVS.Get", asked)
            except ConsulError as error:
                _log.error("failed to get remote exec job", error=error)
                return None
            if found.Entries:
                return _job_of(found.Entries[0].Value or b"")
            if stale:
                _log.debug("trying consistent fetch of remote exec job spec")
        _log.debug("remote exec aborted, job spec missing")
        return None

    async def _run(self, call: _Call, job: _Job) -> int:
        """The exit code of a job, once all its output is written."""
        if not job.Script:
            return await self._start(call, job, job.Command)
        try:
            path = await asyncio.to_thread(_script_file, job.Script)
        except OSError as error:
            _log.debug("failed to make tmp file", error=file_text(error))
            return _NOT_RUN
        try:
            return await self._start(call, job, path)
        finally:
            with contextlib.suppress(OSError):
                os.unlink(path)

    async def _start(self, call: _Call, job: _Job, script: str) -> int:
        _log.info("remote exec script", script=script)
        command = job.Args or children.in_shell(script)
        try:
            child = await children.start(command)
        except children.NotStarted as error:
            _log.debug("failed to start remote exec", error=error)
            return _NOT_RUN
        async with child:
            return await self._follow(call, child, to_seconds(job.Wait))

    async def _follow(self, call: _Call, child: PipedProcess, heartbeat: float) -> int:
        number = 0
        async for piece in pieces(child.stdout, heartbeat):
            if not await self._write(call, f"out/{number:05x}", piece, "failed to write output for remote exec job"):
                self._spawn(_see_out(child))  # who asked is gone, but what he began is not left half done
                return _NOT_RUN
            number += 1
        return max(await child.wait(), -1)  # no number tells by which signal it ended

    async def _write(self, call: _Call, name: str, value: bytes, failure: str) -> bool:
        """Whether a key of this node could be written: only while the session lives, so that it goes with it."""
        key = gopath.join(call.Prefix, call.Session, self._node, name)
        entry = DirEntry(Key=key, Value=value or None, Session=call.Session)
        token = self._tokens.agent_token()
        try:
            asked = KVSRequest(Datacenter=self._datacenter, Op="lock", DirEnt=entry, Token=token)
            written = await self._rpc("KVS.Apply", asked)
        except ConsulError as error:
            _log.error(failure, error=error)
            return False
        if not written:
            _log.error(failure, error="write failed")
        return written


async def pieces(stdout: asyncio.StreamReader, heartbeat: float, idle: float = _IDLE) -> AsyncGenerator[bytes]:
    """Output as it is to be sent: a full piece at once, less after ``idle`` seconds without more.

    After ``heartbeat`` seconds without a piece comes an empty one: else a silent job would be taken for a dead node.
    """
    now = asyncio.get_running_loop().time
    held = bytearray()
    more_by = alive_by = now() + heartbeat
    while True:
        try:
            async with asyncio.timeout_at(min(more_by, alive_by) if held else alive_by):
                data = await stdout.read(_PIECE - len(held))
        except TimeoutError:
            is_due = held and now() >= more_by
        else:
            if not data:
                break
            held += data
            more_by = now() + idle
            if len(held) < _PIECE:
                continue
            is_due = True
        yield bytes(held) if is_due else b""
        if is_due:
            held.clear()
        alive_by = now() + heartbeat
    if held:
        yield bytes(held)


async def _see_out(child: PipedProcess) -> None:
    """Let a child come to its end, whatever it still has to say."""
    async with child:
        while await child.stdout.read(65536):
            pass
        await child.wait()


def _job_of(data: bytes) -> _Job | None:
    try:
        return godecode.into(godecode.parse_whole(data), _Job, strict=False)
    except (GoSyntaxError, godecode.DecodeError) as error:
        _log.error("failed to decode remote exec spec", error=error)
        return None


def _script_file(script: bytes) -> str:
    """The path of a new file that can be run. Raises OSError."""
    file, path = tempfile.mkstemp(prefix="rexec")
    with open(file, "wb") as stream:
        os.fchmod(file, 0o750)
        stream.write(script)
    return path
