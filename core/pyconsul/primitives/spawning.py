"""Child processes under any event loop, as Go's programs have them.

Not asyncio's: it kills a child when the loop closes and, before Python 3.13, waits for its pipes where it is asked for
its end; uvloop's gets sockets for pipes, which no script can open as ``/dev/stdout``, and keeps further copies of them,
so that a daemon that a script leaves behind holds its output open.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from asyncio import StreamReader, StreamReaderProtocol, StreamWriter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Self

from pyconsul.primitives import open_files

__all__ = ["PipedProcess", "Process", "spawn"]

_LINE_LIMIT: Final = 1 << 16  # bytes, as asyncio has it


class Process:
    """A process that nobody ends but who asks for it: it outlives the loop, and waiting for it may be given up.

    The options are those of Popen. Raises OSError, ValueError where it cannot be started.
    """

    def __init__(self, words: Sequence[str], *, own_group: bool = True, **options: Any) -> None:
        group = 0 if own_group else None
        with open_files.as_given() as begin:
            self._popen = subprocess.Popen(words, process_group=group, preexec_fn=begin, **options)
        self._own_group = own_group
        self.pid = self._popen.pid
        loop = asyncio.get_running_loop()
        self.status: asyncio.Future[int] = loop.create_future()
        """Its exit status once it has ended, negative after a signal."""
        threading.Thread(target=self._watch, args=(loop,), name=f"child {self.pid}", daemon=True).start()

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        status = self._popen.wait()
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(self.status.set_result, status)

    async def wait(self) -> int:
        """The exit status, once it has ended."""
        return await asyncio.shield(self.status)

    def send(self, number: int) -> None:
        """Signal it or its group; that it is gone, or runs as somebody else by now, is no error."""
        if self._popen.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                (os.killpg if self._own_group else os.kill)(self.pid, number)


class PipedProcess(Process):
    """A child that leads a group and talks through pipes; an exception that leaves its context ends it."""

    outlives: bool = False
    """Whether it runs on by itself where who waits for it in its context is cancelled."""
    stdin: StreamWriter | None = None
    stdout: StreamReader
    stderr: StreamReader | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is asyncio.CancelledError:
            await self.part()
        elif kind is not None:
            await self.end()
        self._give_up_stdin()  # it need not have read all

    async def connect(self, limit: int) -> None:
        """Open its pipes; a line that is read from one has ``limit`` bytes at most."""
        loop = asyncio.get_running_loop()
        self._open: list[asyncio.ReadTransport] = []

        async def reader(pipe: object) -> StreamReader:
            stream = StreamReader(limit)
            self._open.append((await loop.connect_read_pipe(lambda: _Reading(stream), pipe))[0])
            return stream

        if self._popen.stdin is not None:
            writing = await loop.connect_write_pipe(lambda: StreamReaderProtocol(StreamReader()), self._popen.stdin)
            self.stdin = StreamWriter(*writing, None, loop)
        self.stdout = await reader(self._popen.stdout)
        if self._popen.stderr is not None:
            self.stderr = await reader(self._popen.stderr)

    def kill_group(self) -> None:
        """Kill it, and all that it started, even where it is gone itself.

        Raises PermissionError where all that is left of it runs as somebody else, as a child of sudo does.
        """
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def part(self) -> None:
        """Nobody waits for it any more: it ends with that, or is left to itself, without anybody at its pipes."""
        if not self.outlives:
            await self.end()
            return
        self._give_up_stdin()
        self._close_outputs()

    async def end(self) -> None:
        """Kill it, and all that it started; what they still had to say goes unread. Whom we may not kill lives on.

        Whoever left the group, or is not quite dead, may hold the pipes longer than the child lives: they are closed.
        """
        self._give_up_stdin()
        self._close_outputs()
        with suppress(PermissionError):
            self.kill_group()
            await self.wait()

    def _close_outputs(self) -> None:
        for pipe in self._open:
            pipe.close()

    def _give_up_stdin(self) -> None:
        # One that is closed already cannot be aborted.
        if self.stdin is not None and (not self.stdin.is_closing() or self.stdin.transport.get_write_buffer_size()):
            self.stdin.transport.abort()


class _Reading(StreamReaderProtocol):
    """Closes its pipe at the end of what there is to read, under uvloop, too."""

    def eof_received(self) -> bool:
        super().eof_received()
        return False


async def spawn(
    words: Sequence[str],
    *,
    stdin: int = subprocess.DEVNULL,
    stderr: int = subprocess.STDOUT,
    limit: int = _LINE_LIMIT,
    outlives: bool = False,
    **options: Any,
) -> PipedProcess:
    """A child that leads a process group. Raises OSError, ValueError.

    Nothing of it is left where the caller is cancelled meanwhile, but of one that ``outlives`` who waits for it.
    """
    child = PipedProcess(words, stdin=stdin, stdout=subprocess.PIPE, stderr=stderr, bufsize=0, **options)
    child.outlives = outlives
    # Not cut off half done: under uvloop nobody would know who is to close the pipe.
    connecting = asyncio.ensure_future(child.connect(limit))
    try:
        await asyncio.shield(connecting)
    except asyncio.CancelledError:
        await asyncio.wait([connecting])
        await child.part()
        raise
    return child
