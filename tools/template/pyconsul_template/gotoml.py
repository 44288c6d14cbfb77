"""TOML as the BurntSushi encoder writes it: plain keys first, then tables, indented."""

from __future__ import annotations

import math
import re
from typing import Any

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import NIL, Known, Map, Stringer, Struct, Value, is_nil, kind_of, type_of
from pyconsul.lang.strconv import format_float
from pyconsul_template import gojson
from pyconsul_template.gotime import Time

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")
_ESCAPES = {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
    "\x7f": "\\u007f",
}
MAX_DEPTH = 500


def dump(value: Value) -> str:
    """The value without the newline at the end. Raises FunctionError."""
    if _is_table_list(value):
        raise FunctionError("toml: top-level values must be Go maps or structs")
    if kind_of(value) in ("chan", "func", "complex128"):
        raise FunctionError(f"unsupported type for key '': {kind_of(value)}")
    if not _is_table(value):
        return _inline(value)
    lines: list[str] = []
    _table(lines, (), value)
    return "\n".join(lines).strip()


def _is_table(value: Value) -> bool:
    return isinstance(value, (dict, Struct))


def _is_table_list(value: Known) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(_is_table(v) for v in value)


def _items(table: Value) -> list[tuple[str, Known]]:
    if isinstance(table, Struct):
        return [(f.name, getattr(table, f.name)) for f in table.fields]
    if isinstance(table, Map) and table.go_type.startswith("map[interface"):
        raise FunctionError("toml: cannot encode a map with non-string key type")
    return sorted(table.items())


def _key(name: str) -> str:
    return name if _BARE.match(name) else _string(name)


def _string(text: str) -> str:
    return '"' + "".join(_ESCAPES.get(c) or (c if c >= " " else f"\\u{ord(c):04x}") for c in text) + '"'


def _table(lines: list[str], path: tuple[str, ...], table: Value) -> None:
    if len(path) > MAX_DEPTH:
        raise FunctionError("toml: nested too deep")
    margin = "  " * len(path)
    later: list[tuple[str, Known]] = []
    for name, value in _items(table):
        if value is None or value is NIL or is_nil(value):
            continue
        if _is_table(value) or _is_table_list(value):
            later.append((name, value))
        else:
            lines.append(f"{margin}{_key(name)} = {_inline(value)}")
    for name, value in later:
        inner = (*path, name)
        for part in value if isinstance(value, list) else [value]:
            if (not path and lines) or isinstance(value, list):
                lines.append("")
            dotted = ".".join(_key(p) for p in inner)
            lines.append(f"{margin}[[{dotted}]]" if isinstance(value, list) else f"{margin}[{dotted}]")
            _table(lines, inner, part)


def _inline(value: Known) -> str:
    if isinstance(value, gojson.Number):
        return _inline(value.value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, Time):
        return value.json()
    if isinstance(value, Stringer):
        return _string(value.go_string())
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, list):
        return _array(value)
    if _is_table(value):
        held = [(k, v) for k, v in _items(value) if not is_nil(v)]
        held.sort(key=lambda item: _is_table(item[1]) or _is_table_list(item[1]))  # plain keys first
        return "{" + ", ".join([f"{_key(k)} = {_inline(v)}" for k, v in held]) + "}"
    raise FunctionError(f"unsupported type: {type_of(value)}")


def _array(items: list[Any]) -> str:
    if any(item is None or item is NIL for item in items):
        raise FunctionError("toml: cannot encode array with nil element")
    return "[" + ", ".join([_inline(item) for item in items]) + "]"


def _float(value: float) -> str:
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    text = format_float(value, "f")
    return text if "." in text else text + ".0"
