"""JSON as Go's ``encoding/json`` reads and writes it: floats for numbers, its messages, its escapes."""

from __future__ import annotations

import contextlib
import json
import math
import re
from typing import Any

from pyconsul.lang.gojson_syntax import syntax_error
from pyconsul.lang.gojson_values import value_of
from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import NIL, Known, Map, Slice, Struct, Value, is_nil, type_of
from pyconsul.lang.strconv import NumberSyntaxError, format_float, parse_int, runes, to_bytes

_SHALLOW = 1000  # brackets; so many levels the standard library's reader, which recurses in C, takes on any stack


class Number(str):
    """A number that keeps its spelling, Go's json.Number: a kind of text that JSON, YAML and TOML show as a number."""

    __slots__ = ()
    go_type = "json.Number"

    @property
    def value(self) -> int | float:
        """The int64 that it is, else the nearest float."""
        try:
            return parse_int(self)
        except NumberSyntaxError:
            return float(self)


def parse(text: str) -> Value:
    """The value of a JSON text. Raises FunctionError with Go's message."""
    clean = runes(text)
    if "\\u" not in clean and clean.count("[") + clean.count("{") <= _SHALLOW:
        with contextlib.suppress(ValueError, FunctionError):
            return json.loads(clean, parse_int=_to_float, parse_float=_to_float, parse_constant=_refuse)
    complaint = syntax_error(to_bytes(text))
    if complaint is not None:
        raise FunctionError(complaint)
    return value_of(clean, number=_to_float)


def _to_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise FunctionError(f"json: cannot unmarshal number {text} into Go value of type float64")
    return value


def _refuse(_text: str) -> float:
    raise ValueError


# -- writing -------------------------------------------------------------------------

_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}
_SPECIAL = re.compile('[\x00-\x1f"\\\\\x7f<>&\u2028\u2029\ud800-\udfff]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def dump(value: Value, *, html: bool = True, indent: str = "") -> str:
    """The value as JSON. Raises FunctionError for what JSON cannot hold."""
    writer = _Writer(html, indent)
    writer.value(value, "")
    return "".join(writer.out)


def _escape(char: str, html: bool) -> str:
    if char in _SHORT:
        return _SHORT[char]
    if char in _HTML:
        return _HTML[char] if html else char
    if char == "\x7f":
        return char
    code = ord(char)
    return "\\ufffd" if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"


def string(text: str, *, html: bool = True) -> str:
    """A JSON string literal."""
    return '"' + _SPECIAL.sub(lambda found: _escape(found[0], html), text) + '"'


def number(value: float) -> str:
    """A float as Go's JSON shows it: no exponent between 1e-6 and 1e21."""
    if math.isnan(value) or math.isinf(value):
        raise FunctionError(f"json: unsupported value: {format_float(value)}")
    size = abs(value)
    if size != 0 and (size < 1e-6 or size >= 1e21):
        text = format_float(value, "e")
        return text[:-2] + text[-1] if text[-4:-1] == "e-0" else text
    return format_float(value, "f")


class _Writer:
    """Writes one value, piece by piece: to put texts together level by level would copy deep ones again and again."""

    def __init__(self, html: bool, indent: str) -> None:
        self.html = html
        self.indent = indent
        self.out: list[str] = []

    def value(self, value: Known, margin: str) -> None:
        """One value; ``margin`` is the indentation of the line it stands on."""
        if isinstance(value, (Struct, dict, list)) and not is_nil(value) and not hasattr(value, "json"):
            self.container(value, margin)
        else:
            self.out.append(self.scalar(value))

    def scalar(self, value: Value) -> str:
        """What holds no others."""
        if isinstance(value, str):
            return str(value) if isinstance(value, Number) else string(value, html=self.html)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int) and not hasattr(value, "json"):
            return str(int(value))
        if isinstance(value, float):
            return number(value)
        if value is None or value is NIL or is_nil(value):
            return "null"
        as_json = getattr(value, "json", None)
        if as_json is not None:
            return string(as_json(), html=self.html)
        if isinstance(value, bytes):
            import base64

            return string(base64.b64encode(value).decode())
        raise FunctionError(f"json: unsupported type: {type_of(value)}")

    def container(self, value: Struct | dict[Any, Any] | Map | list[Any] | Slice, margin: str) -> None:
        """A list, a map by its keys in order, or a struct by its fields; one member a line when indenting."""
        opening, closing = "[]" if isinstance(value, list) else "{}"
        members = self.members(value)
        if not members:
            self.out.append(opening + closing)
            return
        inner = margin + self.indent
        line, end = ("\n" + inner, "\n" + margin) if self.indent else ("", "")
        for index, (key, member) in enumerate(members):
            self.out.append(("," if index else opening) + line + key)
            self.value(member, inner)
        self.out.append(end + closing)

    def members(self, value: Struct | dict[Any, Any] | Map | list[Any] | Slice) -> list[tuple[str, Value]]:
        """What stands before each member, and the member."""
        colon = ": " if self.indent else ":"
        if isinstance(value, list):
            return [("", member) for member in value]
        if isinstance(value, Struct):
            return [(string(name, html=self.html) + colon, member) for name, member in _fields(value)]
        if isinstance(value, Map) and value.go_type.startswith("map[interface"):
            raise FunctionError(f"json: unsupported type: {value.go_type}")
        keys = sorted((k if isinstance(k, str) else str(int(k)), k) for k in value)
        return [(string(shown, html=self.html) + colon, value[key]) for shown, key in keys]


def _fields(value: Struct) -> list[tuple[str, Value]]:
    """Names and values of the fields that JSON shows."""
    first = value.json_first
    ordered = sorted(value.fields, key=lambda f: first.index(f.name) if f.name in first else len(first))
    held = [(field, getattr(value, field.name)) for field in ordered]
    return [(f.json or f.name, v) for f, v in held if f.json != "-" and not (f.omit_empty and not v)]
