"""Folders, walked as Go's ``filepath.Walk`` does."""

from __future__ import annotations

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
