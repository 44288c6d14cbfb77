"""Folders, walked and made as Go's ``filepath.Walk`` and ``os.MkdirAll`` do."""

from __future__ import annotations

import errno
import os


class MissingFolderError(ValueError):
    """There is nothing at a path; the text is Go's."""


def files_below(path: str) -> list[str]:
    """All files in a folder and in those below it, sorted; a path that is a file stands for itself, "" for none.

    Raises MissingFolderError.
    """
    if not path:
        return []
    if not os.path.lexists(path):
        raise MissingFolderError(f"lstat {path}: no such file or directory")
    if not os.path.isdir(path):
        return [path]
    return sorted(os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)


def make_folders(path: str, mode: int = 0o777) -> None:
    """Make a folder and what is missing above it, all with ``mode`` less the umask; it may be there already.

    Raises OSError with the ``filename`` that could not be made: FileExistsError, in Go's words, for a file in the way.
    """
    if os.path.isdir(path):
        return
    if os.path.exists(path):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.ENOTDIR), path)
    above = os.path.dirname(path.rstrip("/"))
    if above:
        make_folders(above, mode)
    try:
        os.mkdir(path, mode)
    except FileExistsError:  # somebody else may have made it meanwhile
        if not os.path.isdir(path):
            raise
