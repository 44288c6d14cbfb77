"""What the SDK needs of threads, in the same names as ``tasks.py`` has them for asyncio."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeAlias

Work: TypeAlias = Callable[[], None]  # what can go on in the background


class Interruptible(Protocol):
    """A transport whose exchange in another thread can be broken off."""

    def interrupt(self, thread: int) -> None:
        """Make the exchange of that thread end at once with an error."""
        ...


class Interrupted(BaseException):
    """The background work was stopped; like CancelledError, not an Exception."""


_current = threading.local()


def now() -> float:
    """Seconds on a clock that only goes forward."""
    return time.monotonic()


def dice() -> float:
    """A random number from 0 to 1."""
    return int.from_bytes(os.urandom(2), "big") / 65536


def sleep(seconds: float) -> None:
    """Wait; ends early with Interrupted in background work that is stopped."""
    stopping: threading.Event | None = getattr(_current, "stopping", None)
    if stopping is None:
        time.sleep(seconds)
    elif stopping.wait(seconds):
        raise Interrupted


def raise_if_stopped() -> None:
    """Raise Interrupted in background work that is being stopped."""
    stopping: threading.Event | None = getattr(_current, "stopping", None)
    if stopping is not None and stopping.is_set():
        raise Interrupted


class Signal:
    """Something that happens once (until cleared) and that several may wait for."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._is_set = False

    def set(self) -> None:
        """It has happened; wakes all who wait."""
        with self._condition:
            self._is_set = True
            self._condition.notify_all()

    def clear(self) -> None:
        """It has not happened (any more)."""
        with self._condition:
            self._is_set = False

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._is_set

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has happened; False when ``timeout`` seconds went by first."""
        stopping: threading.Event | None = getattr(_current, "stopping", None)
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._condition:
            while not self._is_set:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                # a stopped thread must notice although nobody notifies this condition
                slice_ = 0.1 if stopping is not None else left
                self._condition.wait(slice_ if left is None or slice_ is None else min(left, slice_))
                if stopping is not None and stopping.is_set():
                    raise Interrupted
        return True


class Background:
    """Work that goes on in a thread beside the caller until it ends or is stopped."""

    def __init__(self, work: Work, transport: Interruptible) -> None:
        self._work = work
        self._transport = transport
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="pyconsul-sdk")
        self._thread.start()

    def stop(self) -> None:
        """End the work and wait for its end; whatever it raised is raised here, being stopped apart."""
        if self._thread is threading.current_thread():
            return
        self._stopping.set()
        while self._thread.is_alive():
            if self._thread.ident is not None:
                self._transport.interrupt(self._thread.ident)
            self._thread.join(0.05)  # the thread may just have been between two exchanges
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        _current.stopping = self._stopping
        try:
            self._work()
        except Interrupted:
            pass
        except BaseException as error:
            self._error = error
