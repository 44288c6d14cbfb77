"""Commands that the agent runs: each in a process group of its own, with one pipe for both of its outputs."""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import AsyncGenerator, Mapping, Sequence

from pyconsul.lang.strconv import quote
from pyconsul.primitives import open_files
from pyconsul.primitives.dialing import errno_text
from pyconsul.primitives.spawning import kill_group, spawn

__all__ = ["NotStarted", "ended_if_cut_off", "in_shell", "start"]


class NotStarted(Exception):
    """A command could not be started; the text is Go's."""


def in_shell(script: str) -> list[str]:
    """The words that run a line in the shell of the user as whom the agent runs."""
    return [os.environ.get("SHELL") or "/bin/sh", "-c", script]


async def start(command: Sequence[str], *, stdin: int = DEVNULL, env: Mapping[str, str] | None = None) -> Process:
    """Start a command. Raises NotStarted."""
    try:
        return await spawn(
            *command,
            stdin=stdin,
            stdout=PIPE,
            stderr=STDOUT,
            env=env,
            start_new_session=True,
            preexec_fn=open_files.for_child(),
        )
    except (OSError, ValueError) as error:
        raise NotStarted(_reason(command[0], error)) from error


@contextlib.asynccontextmanager
async def ended_if_cut_off(child: Process) -> AsyncGenerator[None]:
    """End a child, and all that it started, where the task that looks after it is cancelled."""
    try:
        yield
    except asyncio.CancelledError:
        kill_group(child)
        await child.wait()  # nobody would after the end of the loop
        raise


def _reason(path: str, error: Exception) -> str:
    if not isinstance(error, OSError):
        return f"fork/exec {path}: invalid argument"
    if not path:
        return "exec: no command"
    if isinstance(error, FileNotFoundError) and "/" not in path:
        return f"exec: {quote(path)}: executable file not found in $PATH"
    return f"fork/exec {path}: {errno_text(error)}"
