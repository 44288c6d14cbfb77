"""Child processes of commands that stay: started by a shell or directly, and how they ended in Go's words."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

from pyconsul.cli.console import Failed
from pyconsul.primitives.child_signals import ending, heed_signals
from pyconsul.primitives.system_errors import system_text

__all__ = ["arguments", "ending", "pass_on", "start"]


def arguments(words: Sequence[str], environ: Mapping[str, str], *, shell: bool) -> list[str]:
    """The argument vector of a command: handed to the user's shell as one line, or as it stands."""
    if shell:
        return [environ.get("SHELL") or "/bin/sh", "-c", " ".join(words)]
    return list(words)


def start(argv: Sequence[str], environ: Mapping[str, str], stdin: int | IO[bytes] | None) -> subprocess.Popen[bytes]:
    """Start a child that shares our output, and whatever files our caller opened for it.

    Raises Failed with the reason in Go's words.
    """
    if not argv[0]:
        raise Failed("Error starting handler: exec: no command")
    heed_signals()
    try:
        return subprocess.Popen(argv, env=dict(environ), stdin=stdin, close_fds=False)
    except OSError as e:
        reason = system_text(e)
        if "/" in argv[0]:
            raise Failed(f"Error starting handler: fork/exec {argv[0]}: {reason}") from e
        raise Failed(f'Error starting handler: exec: "{argv[0]}": executable file not found in $PATH') from e


def pass_on(child: subprocess.Popen[bytes], number: int) -> None:
    """Send a signal to a child that may be gone already."""
    if child.poll() is None:
        child.send_signal(number)
