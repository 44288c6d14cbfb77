"""Turns of connections that bring more work than may be done in one go.

All of them together get one turn between two looks at the sockets, one after the other: a client that asks for little
waits for one turn at most, however many others keep the agent busy.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable


class Turns:
    """Who waits for a turn."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()

    def wait(self, turn: Callable[[], None]) -> None:
        """Call ``turn`` later, after those who wait already."""
        self._waiting.append(turn)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._give)

    async def turn(self) -> None:
        """Return when it is this task's turn."""
        loop = asyncio.get_running_loop()
        come = loop.create_future()
        self.wait(lambda: None if come.done() else come.set_result(None))
        await come

    def _give(self) -> None:
        turn = self._waiting[0]  # still there meanwhile: an empty queue would be woken a second time
        try:
            turn()  # which may want to wait again, behind the others
        finally:
            self._waiting.popleft()
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._give)
