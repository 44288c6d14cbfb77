"""Whether configuration files changed since they were last looked at."""

from __future__ import annotations

import os
from collections.abc import Iterable

Stamp = tuple[int, int, int]
"""Inode, time of the last change and size of a file."""


class ConfigFiles:
    """Files, and folders with their files, with what they looked like."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = tuple(paths)
        self._seen = self._stamps()

    def changes(self) -> int:
        """How many files were written, replaced, added or removed since the last call. Reads the disk."""
        now = self._stamps()
        count = len({name for name, _ in now.items() ^ self._seen.items()})
        self._seen = now
        return count

    def follow(self, paths: Iterable[str]) -> None:
        """Look at these from now on. What is new among them counts as seen. Reads the disk."""
        wanted = tuple(paths)
        if wanted != self._paths:
            self._paths = wanted
            self._seen = {name: self._seen.get(name, stamp) for name, stamp in self._stamps().items()}

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
