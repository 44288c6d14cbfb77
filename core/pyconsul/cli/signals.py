"""SIGINT and SIGTERM for commands that stay: an exception in the main thread, at a place that waits for it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """The user wants the command to end. Not an Exception, so that no handler of errors takes it for one."""


class Guard:
    """Turns signals into Stopped, unless they are put off for a moment."""

    def __init__(self, on_signal: Callable[[int], None] | None) -> None:
        self._on_signal = on_signal
        self._puts_off = False
        self._waiting: int | None = None

    @contextmanager
    def put_off(self) -> Generator[None]:
        """Inside, a signal waits: while a child is being started, nobody could end that child."""
        self._puts_off = True
        try:
            yield
        finally:
            self._puts_off = False
        if self._waiting is not None:
            self._stop(self._waiting)

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if self._puts_off:
            self._waiting = number
        else:
            self._stop(number)

    def _stop(self, number: int) -> None:
        self._waiting = None
        if self._on_signal is not None:
            self._on_signal(number)
        raise Stopped


@contextmanager
def stoppable(on_signal: Callable[[int], None] | None = None) -> Generator[Guard]:
    """While inside, the two signals raise Stopped, after ``on_signal`` was told which one it was."""
    guard = Guard(on_signal)
    before = {number: signal.signal(number, guard.handle) for number in _STOPPING}
    try:
        yield guard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
