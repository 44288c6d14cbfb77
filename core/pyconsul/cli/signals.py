"""SIGINT and SIGTERM for commands that stay: they queue up, and the command looks at them where it waits.

The two signals of users do nothing, as in every Go program: the command would end with its child running and its lock
held.

The handler never raises: an exception would come up between any two instructions, in a callback of the HTTP parser or
half-way through the start of a child. The main thread only waits, so that a signal is seen at once; what takes time
goes on beside it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from pyconsul.sdk import Client

_STOPPING = (signal.SIGINT, signal.SIGTERM)
_HEEDLESS = tuple(getattr(signal, name) for name in ("SIGUSR1", "SIGUSR2") if hasattr(signal, name))

T = TypeVar("T")


class Stopped(Exception):
    """The user wants the command to end; ``number`` is the signal that said so."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Beside:
    """Work that goes on beside the main thread; only its identity counts."""


class Signals:
    """The signals that came since ``stoppable`` and were not looked at yet."""

    def __init__(self) -> None:
        # its put() may interrupt its get(), which no lock of threading allows
        self._news: SimpleQueue[int | Beside] = SimpleQueue()

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        self._news.put(number)

    def run(self, client: Client, work: Callable[[], T]) -> T:
        """What ``work`` returns, which asks ``client`` in a thread of its own; raises what it raises.

        Raises Stopped when a signal came first; the work was broken off then, and has cleaned up.
        """
        results: list[T] = []
        beside = Beside()
        background = client.background(self._announcing(beside, lambda: results.append(work())))
        try:
            self.wait(beside)
        finally:
            background.stop()  # raises what the work raised: from here on it has returned something
        return results[0]

    def start(self, work: Callable[[], object]) -> Beside:
        """Begin ``work`` in a thread of its own, which nothing breaks off, and return at once."""
        beside = Beside()
        threading.Thread(target=self._announcing(beside, work), daemon=True).start()
        return beside

    def wait(self, beside: Beside, timeout: float | None = None) -> bool:
        """Wait for the end of some work; False when ``timeout`` seconds went by. Raises Stopped at a signal."""
        while True:
            try:
                news = self._news.get(timeout=timeout)
            except Empty:
                return False
            if isinstance(news, int):
                raise Stopped(news)
            if news is beside:
                return True

    def check(self) -> None:
        """Raise Stopped if a signal came."""
        self.wait(Beside(), 0)

    def _announcing(self, beside: Beside, work: Callable[[], object]) -> Callable[[], None]:
        """The work with news of its end."""

        def run() -> None:
            try:
                work()
            finally:
                self._news.put(beside)

        return run


@contextmanager
def stoppable() -> Generator[Signals]:
    """While inside, signals to stop wait to be looked at, and do nothing else."""
    signals = Signals()
    before = {number: signal.signal(number, signals.handle) for number in _STOPPING}
    # a handler, as children would inherit that a signal is ignored
    before |= {number: signal.signal(number, _heed_not) for number in _HEEDLESS}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _heed_not(number: int, frame: FrameType | None) -> None:
    """The handler of a signal that does nothing."""
