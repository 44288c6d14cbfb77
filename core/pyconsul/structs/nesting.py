"""How deep values may nest that we only keep and pass on, such as a proxy's opaque settings.

Go reads 10,000 levels, and Consul keeps them all (and prints 324 MB for 9,000, indented). The codecs here are
libraries in C that recurse: msgpack packs 511 levels, msgspec takes as many as the interpreter has calls left. What one
of them takes another may not, so that a value could be stored and never be shown. Measured in an agent: with 320 levels
everything works, with 330 a service is registered but no longer shown. So the limit lies well below that.
"""

from __future__ import annotations

from typing import Any, Final

from pyconsul.primitives.untyped import Parsed

MAX_LEVELS: Final = 250


def is_too_deep(value: object, levels: int = MAX_LEVELS) -> bool:
    """Whether lists and objects nest deeper than so many levels."""
    level: list[Any] = [value]
    for _ in range(levels):
        level = [inner for item in level for inner in _members(item)]
        if not level:
            return False
    return any(isinstance(item, list | dict) for item in level)


def too_deep(what: str) -> str:
    """The complaint about a value that is."""
    return f"{what}: objects and lists are nested deeper than {MAX_LEVELS} levels"


def _members(item: Parsed) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []
