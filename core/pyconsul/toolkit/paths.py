"""Paths as configuration may have them."""

from __future__ import annotations

import errno
import os


def possible(path: str) -> str:
    """The path. Raises OSError for one with a NUL: so does the system where Go asks it, Python raises ValueError."""
    if "\0" in path:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    return path
