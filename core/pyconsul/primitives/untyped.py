"""Dicts and lists among values of no known type, as parsers of JSON, HCL and YAML give them.

These functions ask what ``isinstance`` asks. But where ``isinstance`` leaves a type checker with nothing about the
inside of a value, they leave it with ``Any``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from typing_extensions import TypeIs

__all__ = ["Parsed", "is_dict", "is_list", "is_list_or_tuple", "is_mapping"]


Parsed: TypeAlias = dict[str, Any] | list[Any] | str | bool | int | float | None
"""What parsers give. Of a parameter of this type ``isinstance`` tells as much as these functions, and calls nothing."""


def is_dict(value: object) -> TypeIs[dict[str, Any]]:
    """Whether it is a dict; its keys are texts in whatever those parsers give."""
    return isinstance(value, dict)


def is_mapping(value: object) -> TypeIs[Mapping[str, Any]]:
    """Whether it is a mapping of any kind, with texts for keys as in ``is_dict``."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeIs[list[Any]]:
    """Whether it is a list."""
    return isinstance(value, list)


def is_list_or_tuple(value: object) -> TypeIs[list[Any] | tuple[Any, ...]]:
    """Whether it is a list or a tuple, into which lists are made where they must not change."""
    return isinstance(value, (list, tuple))
