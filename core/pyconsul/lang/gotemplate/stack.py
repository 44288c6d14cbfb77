"""Room for deep recursion: templates may nest and call one another 100,000 levels deep, as in Go.

CPython keeps the frames of Python functions on the heap, so a higher limit costs no C stack as long
as the recursion passes through Python functions only, which parser and compiled templates see to.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager

_LIMIT = 2_000_000


@contextmanager
def deep() -> Generator[None]:
    """Lift the interpreter's recursion limit while the block runs."""
    before = sys.getrecursionlimit()
    if before >= _LIMIT:
        yield
        return
    sys.setrecursionlimit(_LIMIT)
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
