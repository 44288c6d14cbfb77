"""What the SDK needs of asyncio, in a few names; ``threads.py`` has the same for the blocking client.

The blocking modules are generated from the async ones, so those take time, chance, events and background work only
from here.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeAlias

Work: TypeAlias = Callable[[], Coroutine[Any, Any, None]]  # what can go on in the background

PATIENCE = 5.0  # seconds that cleaning up may take: the agent may not answer at all; then the TTL must do


def now() -> float:
    """Seconds on a clock that only goes forward."""
    return time.monotonic()


def dice() -> float:
    """A random number from 0 to 1; not from ``random``, whose import costs more than all of this module."""
    return int.from_bytes(os.urandom(2), "big") / 65536


async def sleep(seconds: float) -> None:
    """Wait; ends early with CancelledError when the task is cancelled."""
    await asyncio.sleep(seconds)


async def whole(work: Work) -> None:
    """Do ``work`` to its end even if the caller is cancelled meanwhile; the cancellation is raised after that.

    For what must not be left half done, such as a session whose ID only the answer tells.
    """
    task = asyncio.get_running_loop().create_task(work())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        try:
            await asyncio.wait({task}, timeout=PATIENCE)
        finally:
            task.cancel()
        raise


class Signal:
    """Something that happens once (until cleared) and that several may wait for."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """It has happened; wakes all who wait."""
        self._event.set()

    def clear(self) -> None:
        """It has not happened (any more)."""
        self._event.clear()

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._event.is_set()

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has happened; False when ``timeout`` seconds went by first."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                await self._event.wait()
        return self._event.is_set()


class Background:
    """Work that goes on beside the caller until it ends or is stopped."""

    def __init__(self, work: Work, transport: object) -> None:
        del transport  # cancelling a task reaches its socket by itself; a thread must be told which one
        self._task = asyncio.get_running_loop().create_task(work())

    async def stop(self) -> None:
        """End the work and wait for its end; whatever it raised is raised here, being stopped apart."""
        if self._task is asyncio.current_task():
            return
        self._task.cancel()
        await asyncio.wait({self._task})  # awaiting the task itself would swallow a cancellation of the caller
        error = None if self._task.cancelled() else self._task.exception()
        if error is not None:
            raise error
