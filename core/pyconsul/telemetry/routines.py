"""Work in the background that goes on until it is stopped, and what happens when a fault of ours ends some of it.

Go ends the process there. Here the log tells, and the work begins anew: one row that nobody foresaw must neither take
the doors down nor leave, say, anti-entropy standing still until somebody wonders.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from typing import Any, Final

from pyconsul.telemetry.logging import Logger

__all__ = ["Routine", "report_lost_errors"]

PAUSE: Final = 5.0  # seconds between a fault and the new beginning


class Routine:
    """Runs ``work`` from ``start`` to ``stop``, again after ``pause`` seconds should it fail; its return is its end."""

    def __init__(
        self, name: str, work: Callable[[], Coroutine[Any, Any, None]], log: Logger, *, pause: float = PAUSE
    ) -> None:
        self.name: Final = name
        self._work = work
        self._log = log
        self._pause = pause
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and neither stopped nor came to its end."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin; in a running loop."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self.name)

    def stop(self) -> None:
        """End; what is under way is cancelled at its next await."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def stopped(self) -> None:
        """``stop``, and return once the work has let go of what it held."""
        task = self._task
        self.stop()
        if task is not None:
            await asyncio.wait({task})

    async def _run(self) -> None:
        while True:
            try:
                return await self._work()
            except Exception as error:
                _tell(self._log, self.name, error)
            await asyncio.sleep(self._pause)


def report_lost_errors(log: Logger) -> None:
    """Let the running loop tell the log what no caller waits for: faults in callbacks and in tasks that are let go."""

    def tell(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, Exception):
            _tell(log, context["message"], error)
        else:
            log.error("Unexpected error in the background", work=context["message"])

    asyncio.get_running_loop().set_exception_handler(tell)


def _tell(log: Logger, work: str, error: Exception) -> None:
    log.error("Unexpected error in the background", work=work, error=repr(error))
    log.debug("".join(traceback.format_exception(error)))
