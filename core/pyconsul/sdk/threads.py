"""What the SDK needs of threads, in the same names as ``tasks.py`` has them for asyncio."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeAlias

Work: TypeAlias = Callable[[], None]  # what can go on in the background


_NOTICE = 0.05  # seconds until work that waits notices that it is stopped
PATIENCE = 5.0  # seconds that cleaning up may take: the agent may not answer at all; then the TTL must do


class Interruptible(Protocol):
    """A transport whose exchange in another thread can be broken off."""

    def interrupt(self, thread: int) -> None:
        """Make the exchange of that thread end at once with an error."""
        ...


class Interrupted(BaseException):
    """The background work was stopped; like CancelledError, not an Exception."""


class _Stop:
    """The wish that background work ends. Like a cancellation it is raised once; cleaning up is not disturbed."""

    def __init__(self) -> None:
        self.wished = threading.Event()
        self.is_raised = False
        self.is_put_off = False
        self._lock = threading.Lock()

    def raise_once(self) -> None:
        """Raise Interrupted if the end is wished and this has not been said yet."""
        if not self.wished.is_set() or self.is_put_off:
            return
        with self._lock:
            if not self.is_raised:
                self.is_raised = True
                raise Interrupted

    def put_off(self, work: Work) -> None:
        """Do work that neither Interrupted nor the end of its exchanges breaks off."""
        before = self.is_put_off
        with self._lock:
            self.is_put_off = True
        try:
            work()
        finally:
            self.is_put_off = before

    def unless_raised(self, interrupt: Callable[[], None]) -> None:
        """Break off an exchange, but not one of the cleaning up, which cannot begin meanwhile."""
        with self._lock:
            if not self.is_raised and not self.is_put_off:
                interrupt()


_current = threading.local()


def _stop() -> _Stop | None:
    """The wish for this thread, None outside of background work or when it was raised already."""
    stop: _Stop | None = getattr(_current, "stop", None)
    return None if stop is None or stop.is_raised else stop


def now() -> float:
    """Seconds on a clock that only goes forward."""
    return time.monotonic()


def dice() -> float:
    """A random number from 0 to 1."""
    return int.from_bytes(os.urandom(2), "big") / 65536


def sleep(seconds: float) -> None:
    """Wait; ends early with Interrupted in background work that is stopped."""
    stop = _stop()
    if stop is None:
        time.sleep(seconds)
    else:
        stop.wished.wait(seconds)
        stop.raise_once()


def raise_if_stopped() -> None:
    """Raise Interrupted, once, in background work that is being stopped."""
    stop = _stop()
    if stop is not None:
        stop.raise_once()


def whole(work: Work) -> None:
    """Do ``work`` to its end even if it is background work that is stopped meanwhile; Interrupted is raised after that.

    For what must not be left half done, such as a session whose ID only the answer tells.
    """
    stop = _stop()
    if stop is None:
        work()
    else:
        stop.put_off(work)
        stop.raise_once()


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
        stop = _stop()
        deadline = None if timeout is None else time.monotonic() + timeout
        with self._condition:
            while not self._is_set:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return False
                # work that is stopped must notice although nobody notifies this condition
                self._condition.wait(left if stop is None else min(_NOTICE, left or _NOTICE))
                if stop is not None:
                    stop.raise_once()
        return True


class Background:
    """Work that goes on in a thread beside the caller until it ends or is stopped."""

    def __init__(self, work: Work, transport: Interruptible) -> None:
        self._work = work
        self._transport = transport
        self._stop = _Stop()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="pyconsul-sdk")
        self._thread.start()

    def stop(self) -> None:
        """End the work and wait for its end; whatever it raised is raised here, being stopped apart."""
        if self._thread is threading.current_thread():
            return
        self._stop.wished.set()
        end = time.monotonic() + PATIENCE
        while self._thread.is_alive():
            if time.monotonic() < end:
                self._stop.unless_raised(self._interrupt)
            else:
                self._interrupt()
            self._thread.join(_NOTICE)  # the thread may just have been between two exchanges
        if self._error is not None:
            raise self._error

    def _interrupt(self) -> None:
        if self._thread.ident is not None:
            self._transport.interrupt(self._thread.ident)

    def _run(self) -> None:
        _current.stop = self._stop
        try:
            self._work()
        except Interrupted:
            pass
        except BaseException as error:
            self._error = error
