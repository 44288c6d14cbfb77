"""Untyped values as Go's ``%#v`` writes them, which some of Consul's error texts contain."""

from __future__ import annotations

from typing import Any

from pyconsul.lang.strconv import quote
from pyconsul.primitives.untyped import Parsed


def go_syntax(value: Parsed | tuple[Any, ...]) -> str:
    """``map[string]interface {}{"a":1}``; keys are sorted, as Go sorts them."""
    match value:
        case None:
            return "interface {}(nil)"
        case bool():
            return "true" if value else "false"
        case str():
            return quote(value)
        case float() if value.is_integer() and abs(value) < 1e21:
            return str(int(value))
        case dict():
            pairs = sorted(value.items())
            return "map[string]interface {}{" + ", ".join(f"{quote(k)}:{go_syntax(v)}" for k, v in pairs) + "}"
        case list() | tuple():
            return "[]interface {}{" + ", ".join(map(go_syntax, value)) + "}"
        case _:
            return str(value)
