"""Starting a child so that nothing of it is left where whoever starts it is cancelled meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
from asyncio.subprocess import Process
from contextlib import suppress
from typing import Any


async def spawn(*command: str, **options: Any) -> Process:
    """A child that leads a process group, as the ``options`` of asyncio have to say. Raises OSError, ValueError."""
    starting = asyncio.ensure_future(asyncio.create_subprocess_exec(*command, **options))
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        # The child may run already, though nobody was told. asyncio would end it alone, not what it has started.
        with suppress(OSError, ValueError):
            child = await starting
            kill_group(child)
            await child.wait()
        raise


def kill_group(child: Process) -> None:
    """End a child that leads its group, and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
