"""Stopping work that goes on in threads as well as in the loop."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress


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
