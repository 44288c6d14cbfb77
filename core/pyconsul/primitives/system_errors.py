"""System errors about files in the words of Go's os package: people grep for them. Imports next to nothing."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

# What Go was doing when these came; it opens a directory, and only then cannot read it.
_CALLS: Final = {
    errno.EEXIST: "mkdir",
    errno.EISDIR: "read",
    errno.ENOSPC: "write",
    errno.EDQUOT: "write",
    errno.EFBIG: "write",
    errno.EIO: "write",
}


def system_text(error: OSError) -> str:
    """Why it failed: ``permission denied``; for an error without a number its own text."""
    return (error.strerror or str(error)).lower()


def file_text(error: OSError) -> str:
    """Which step failed, with which file, and why: ``open name: no such file or directory``."""
    reason = system_text(error)
    if error.filename is None:
        return reason
    if error.filename2 is not None:
        return f"rename {_as_text(error.filename)} {_as_text(error.filename2)}: {_rename_reason(error)}"
    return f"{_CALLS.get(error.errno or 0, 'open')} {_as_text(error.filename)}: {reason}"


def words_of(error: BaseException) -> str:
    """Any error in words: a system error as ``file_text`` has it, one without words (no memory, say) by its name."""
    return file_text(error) if isinstance(error, OSError) else str(error) or type(error).__name__


@contextmanager
def naming(path: str | os.PathLike[str]) -> Generator[None]:
    """Give an OSError from inside the file's name, where it has none: reading and writing do not know it."""
    try:
        yield
    except OSError as error:
        if path and error.filename is None and error.strerror:
            error.filename = os.fspath(path)
        raise


def _rename_reason(error: OSError) -> str:
    """Why a file did not get its name; Go looks for a folder of that name before it asks the system."""
    if os.path.isdir(error.filename2):
        return os.strerror(errno.EEXIST).lower()
    return system_text(error)


def _as_text(name: str | bytes) -> str:
    return os.fsdecode(name)
