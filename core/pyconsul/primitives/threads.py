"""Work in a thread that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def in_thread(work: Callable[[], T]) -> T:
    """What ``work`` returns or raises, from a thread of its own.

    Unlike a thread of asyncio's it holds up neither the end of the loop nor that of the process: work that was given
    up goes on by itself, and ends with the process at the latest.
    """
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()  # it cannot be called back any more, so that there is always a taker

    def run() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, name="work", daemon=True).start()
    return await asyncio.wrap_future(result)
