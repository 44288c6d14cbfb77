"""Paths joined by the rules of Go's ``path`` package."""

from __future__ import annotations

import posixpath


def join(*parts: str) -> str:
    """The parts that are not empty, joined by slashes and cleaned of ``.``, ``..`` and doubled slashes."""
    given = "/".join(part for part in parts if part)
    clean = posixpath.normpath(given) if given else ""
    return clean[1:] if clean.startswith("//") else clean  # POSIX keeps exactly two slashes in front, Go does not
