"""Lists and maps among values of any type, told so that type checkers know of their members: they may be anything.

``isinstance`` says the same of a value, but leaves nothing known of its members.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

from pyconsul.lang.gotemplate.values import Struct

if TYPE_CHECKING:
    from typing_extensions import TypeIs

Known: TypeAlias = list[Any] | dict[Any, Any] | Struct | str | float | None
"""What most values are. Loops that would feel the call of a function ask ``isinstance`` of one of these."""


def is_list(value: object) -> TypeIs[list[Any]]:
    """Whether it is a list."""
    return isinstance(value, list)


def is_tuple(value: object) -> TypeIs[tuple[Any, ...]]:
    """Whether it is a tuple."""
    return isinstance(value, tuple)


def is_dict(value: object) -> TypeIs[dict[Any, Any]]:
    """Whether it is a dict, of whatever keys."""
    return isinstance(value, dict)


def is_plain_dict(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is what stands for a map[string]interface {}: a dict, no ``Map``."""
    return type(value) is dict
