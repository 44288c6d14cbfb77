"""How many files a process may have open. Go's runtime takes all that it is allowed, and gives its children less."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Final

_given: Final = resource.getrlimit(resource.RLIMIT_NOFILE)


def raise_limit() -> None:
    """Let this process open as many files as the system ever allows it: each connection is one."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with suppress(ValueError, OSError):  # beyond what the kernel has: it stays as it was given
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def as_given() -> Generator[Callable[[], None] | None]:
    """What starts meanwhile is to have what this process was given: some programs close every number they may have.

    Gives what a child has to call first for that, None for nothing. With something to call, Python copies the whole
    process for each child (20 ms at 300 MB) instead of lending it its memory (1 ms). So this process itself goes down
    to the old limit for that moment, unless so many files are open that another thread could come up against it.
    """
    now = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now == _given:
        yield None
    elif _lowest_free() > _given[0] // 2:
        yield _give_back
    else:
        _give_back()
        try:
            yield None
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, now)


def _lowest_free() -> int:
    """The number that the next open file would get."""
    file = os.open(os.devnull, os.O_RDONLY)
    os.close(file)
    return file


def _give_back() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, _given)
