"""How many files a process may have open. Go's runtime takes all that it is allowed, and gives its children less."""

from __future__ import annotations

import contextlib
import resource
from typing import Final

_given: Final = resource.getrlimit(resource.RLIMIT_NOFILE)


def raise_limit() -> None:
    """Let this process open as many files as the system ever allows it: each connection is one."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):  # beyond what the kernel has: it stays as it was given
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def give_back(pid: int) -> None:
    """Let a child have what this process was given: some programs close every number that they may have, one by one.

    Where the system has no way to do that from here, and for a child that is gone or another user's, nothing happens.
    """
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(resource, "prlimit"):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, _given)
