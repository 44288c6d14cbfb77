"""The variable that Python itself sets where no locale is set: children of ours must not see it."""

from __future__ import annotations

import os
from collections.abc import MutableMapping

_NAME = "LC_CTYPE"
_START = "/proc/self/environ"
"""What the process was started with; later changes do not show there."""


def forget(environ: MutableMapping[str, str] = os.environ, start: str = _START) -> None:
    """Drop ``LC_CTYPE`` where it came from Python's own locale coercion (PEP 538), not from whoever started us."""
    if _NAME not in environ:
        return
    try:
        with open(start, "rb") as source:
            given = source.read().split(b"\0")
    except OSError:
        return  # where nothing tells what was given, it stays
    if not any(pair.startswith(b"LC_CTYPE=") for pair in given):
        del environ[_NAME]
