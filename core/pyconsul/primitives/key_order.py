"""Maps in the order of their keys, in which Go prints them whatever order they came in.

Input is put into order where it is read, so that each reply finds it so; structs keep the order of their fields.
"""

from typing import Any, TypeVar, cast

V = TypeVar("V")


def by_key(members: dict[str, V]) -> dict[str, V]:
    """``members`` in the order of their keys."""
    return dict(sorted(members.items())) if len(members) > 1 else members


def deeply_by_key(value: Any) -> Any:
    """An untyped value with all maps inside in the order of their keys."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {key: deeply_by_key(members[key]) for key in sorted(members)}
    if isinstance(value, list):
        return [deeply_by_key(item) for item in cast("list[Any]", value)]
    return value
