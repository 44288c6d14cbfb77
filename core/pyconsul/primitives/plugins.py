"""Entry points by group and name: how the tools and the agent find providers that they never import by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


def names(group: str) -> list[str]:
    """The names in ``pyconsul.<group>``, sorted; imports none of them."""
    return sorted({point.name for point in _points(group)})


def load(group: str, name: str) -> Any:
    """The object behind ``name`` in ``pyconsul.<group>``. Raises LookupError naming the known ones."""
    known = {point.name: point for point in _points(group)}
    if name not in known:
        raise LookupError(f"no {group} provider {name!r}, known: {', '.join(sorted(known)) or 'none'}")
    return known[name].load()


def _points(group: str) -> list[EntryPoint]:
    from importlib.metadata import entry_points  # 7 ms, and most agents look nothing up

    return list(entry_points(group=f"pyconsul.{group}"))
