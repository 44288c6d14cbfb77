"""Commands that the agent runs: each in a process group of its own, with one pipe for both of its outputs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence

from pyconsul.lang.strconv import quote
from pyconsul.primitives.dialing import errno_text
from pyconsul.primitives.spawning import PipedProcess, spawn

__all__ = ["NotStarted", "in_shell", "start"]


class NotStarted(Exception):
    """A command could not be started; the text is Go's."""


def in_shell(script: str) -> list[str]:
    """The words that run a line in the shell of the user as whom the agent runs."""
    return [os.environ.get("SHELL") or "/bin/sh", "-c", script]


async def start(
    command: Sequence[str], *, stdin: int = subprocess.DEVNULL, env: Mapping[str, str] | None = None
) -> PipedProcess:
    """Start a command; as with Consul it runs on where the agent ends before it. Raises NotStarted."""
    try:
        return await spawn(command, stdin=stdin, env=env, outlives=True)
    except (OSError, ValueError) as error:
        raise NotStarted(_reason(command[0], error)) from error


def _reason(name: str, error: Exception) -> str:
    if not name:
        return "exec: no command"
    path = name
    if "/" not in name:
        found = shutil.which(name)  # Go looks first, and tells of what it found
        if found is None:
            return f"exec: {quote(name)}: executable file not found in $PATH"
        path = found
    return f"fork/exec {path}: {errno_text(error) if isinstance(error, OSError) else 'invalid argument'}"
