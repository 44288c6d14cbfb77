"""Work on large input beside the event loop.

Reading a policy of ten megabytes takes seconds, whoever does it. In a thread it takes them from nobody but the client
that sent it: the interpreter hands over to the loop every few milliseconds. There is one thread for all of this, so
that the loop never has more than one to share with.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")

ASIDE_FROM: Final = 64 << 10  # bytes of input; less is done at once, in a few milliseconds
_THREAD: Final = ThreadPoolExecutor(1, thread_name_prefix="aside")  # starts with its first work


async def aside(size: int, work: Callable[[], T]) -> T:
    """What ``work`` gives or raises for so many bytes of input. It must touch nothing that others may change."""
    if size < ASIDE_FROM:
        return work()
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(_THREAD, lambda: context.run(work))
