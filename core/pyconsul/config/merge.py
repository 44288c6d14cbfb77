"""Several sources into one: later values win, lists grow, maps and sections are merged."""

from __future__ import annotations

from typing import Any

from pyconsul.config.decode import Raw
from pyconsul.config.keyrow import Kind
from pyconsul.config.shapes import ListOf, MapOf, Section, file_shape


def merge(earlier: Raw, later: Raw, shape: Section | None = None) -> Raw:
    """``later`` laid over ``earlier``; neither is changed."""
    members = (shape or file_shape()).members
    out = dict(earlier)
    for name, value in later.items():
        out[name] = _merged(out[name], value, members.get(name)) if name in out else value
    return out


def _merged(old: Any, new: Any, shape: object) -> Any:
    match shape:
        case Section() if not shape.replaced:
            return merge(old, new, shape)
        case ListOf() | Kind.STRINGS | Kind.OBJECTS:
            return [*old, *new]
        case MapOf() | Kind.MAP | Kind.OBJECT | Kind.HEADERS:
            return {**old, **new}
        case _:
            return new
