"""JSON in tokens as go-jose's own reader takes it: names count letter for letter, and none may come twice."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from pyconsul.acl.methods.protocol import MethodError
from pyconsul.lang import gojson_syntax, gojson_values

__all__ = ["value", "value_without_twins"]


def value(data: bytes) -> Any:
    """One JSON value with nothing behind it; of two members of a name the last wins. Raises MethodError."""
    return _read(data, gojson_values.number, dict)


def value_without_twins(data: bytes) -> Any:
    """As ``value``; an object with two members of a name is refused, and so are numbers that no float holds."""
    return _read(data, _number, _without_twins)


def _without_twins(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these members. Raises MethodError for two of a name."""
    found: dict[str, Any] = {}
    for name, member in members:
        if name in found:
            raise MethodError(f"json: duplicate key '{name}' in object")
        found[name] = member
    return found


def _read(data: bytes, number: Callable[[str], Any], members: gojson_values.Members) -> Any:
    if fault := gojson_syntax.syntax_error(data):
        raise MethodError(fault)
    return gojson_values.value_of(data.decode("utf-8", "replace"), number=number, members=members)


def _number(text: str) -> float:
    found = gojson_values.number(text)
    try:
        finite = math.isfinite(found)
    except OverflowError:  # an integer beyond any float
        finite = False
    if not finite:
        raise MethodError(f"json: cannot unmarshal number {text} into Go value of type float64")
    return found
