"""Stopping work that goes on in threads as well as in the loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class Halted(Exception):
    """The work was told to stop; the text says why."""


class Halt:
    """A reason to stop, once there is one. ``set`` and ``wait`` belong to the loop; threads may look and check."""

    def __init__(self) -> None:
        self.reason = ""
        self._event = asyncio.Event()
        self._flag = threading.Event()

    def set(self, reason: str) -> None:
        """Stop; the first reason stays."""
        if not self._flag.is_set():
            self.reason = reason
            self._flag.set()
            self._event.set()

    def is_set(self) -> bool:
        """Whether it is time to stop."""
        return self._flag.is_set()

    def check(self) -> None:
        """Raise Halted if it is time to stop."""
        if self._flag.is_set():
            raise Halted(self.reason)

    async def wait(self, seconds: float | None = None) -> bool:
        """Wait until then, or for so long; whether it is time to stop."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        return self.is_set()

    async def unless(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of the work. When it is time to stop first, the work is cancelled and Halted raised."""
        working = asyncio.create_task(work)
        stopping = asyncio.create_task(self._event.wait())
        try:
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise Halted(self.reason)
        finally:
            working.cancel()
            stopping.cancel()
            await asyncio.wait([working, stopping])
            if not working.cancelled():
                working.exception()  # it has been seen, should both have happened at once
