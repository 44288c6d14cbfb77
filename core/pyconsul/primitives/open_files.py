"""How many files a process may have open. Go's runtime takes all that it is allowed, and gives its children less."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Callable
from typing import Final

_given: Final = resource.getrlimit(resource.RLIMIT_NOFILE)


def raise_limit() -> None:
    """Let this process open as many files as the system ever allows it: each connection is one."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):  # beyond what the kernel has: it stays as it was given
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def for_child() -> Callable[[], None] | None:
    """What a child is to call before its program begins, so that it has what this process was given; None for nothing.

    Some programs close every number that they may have, one by one. Afterwards, from here, would be too late: a shell
    that asks at once saw the higher limit three times out of eight.
    """
    return None if resource.getrlimit(resource.RLIMIT_NOFILE) == _given else _give_back


def _give_back() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, _given)
