"""Entry points by group and name: how the tools and the agent find providers that they never import by themselves."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any


def names(group: str) -> list[str]:
    """The names in ``pyconsul.<group>``, sorted; imports none of them."""
    return sorted({point.name for point in entry_points(group=f"pyconsul.{group}")})


def load(group: str, name: str) -> Any:
    """The object behind ``name`` in ``pyconsul.<group>``. Raises LookupError naming the known ones."""
    known = {point.name: point for point in entry_points(group=f"pyconsul.{group}")}
    if name not in known:
        raise LookupError(f"no {group} provider {name!r}, known: {', '.join(sorted(known)) or 'none'}")
    return known[name].load()
