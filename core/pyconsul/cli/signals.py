"""SIGINT and SIGTERM for commands that stay: an exception in the main thread, at a place that waits for it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

_STOPPING = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """The user wants the command to end. Not an Exception, so that no handler of errors takes it for one."""


@contextmanager
def stoppable(on_signal: Callable[[int], None] | None = None) -> Generator[None]:
    """While inside, the two signals raise Stopped, after ``on_signal`` was told which one it was."""

    def stop(number: int, frame: FrameType | None) -> None:
        if on_signal is not None:
            on_signal(number)
        raise Stopped

    before = {number: signal.signal(number, stop) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
