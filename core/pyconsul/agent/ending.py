"""That the agent ends, for those who wait for something else meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Generator


class Ending:
    """The end of an agent, which begins once."""

    def __init__(self) -> None:
        self.has_begun = False
        self._waiting: set[asyncio.Event] = set()

    def begin(self) -> None:
        """Wake all who asked to be woken."""
        self.has_begun = True
        for event in self._waiting:
            event.set()

    @contextlib.contextmanager
    def wakes(self, event: asyncio.Event) -> Generator[None]:
        """Have the end set this event, too."""
        self._waiting.add(event)
        if self.has_begun:
            event.set()
        try:
            yield
        finally:
            self._waiting.discard(event)
