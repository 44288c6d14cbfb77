"""Whether configuration files changed since they were last looked at."""

from __future__ import annotations

import os
from collections.abc import Iterable

Stamp = tuple[int, int, int]
"""Inode, time of the last change and size of a file."""


class ConfigFiles:
    """The files and folders of the command line, with what they looked like."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = tuple(paths)
        self._seen = self._stamps()

    def changed(self) -> bool:
        """Whether a file was written, replaced, added or removed since the last call. Reads the disk."""
        now = self._stamps()
        changed = now != self._seen
        self._seen = now
        return changed

    def _stamps(self) -> dict[str, Stamp]:
        found: dict[str, Stamp] = {}
        for path in self._paths:
            names = _members(path) if os.path.isdir(path) else [path]
            for name in names:
                stamp = _stamp(name)
                if stamp is not None:
                    found[name] = stamp
        return found


def _members(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:
        return []


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:  # gone, or not readable: it counts as absent until it can be seen again
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
