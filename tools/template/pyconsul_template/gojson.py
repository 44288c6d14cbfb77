"""JSON as Go's ``encoding/json`` reads and writes it: floats for numbers, its messages, its escapes."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from pyconsul.lang.gojson_values import MAX_DEPTH
from pyconsul.lang.gotemplate import FunctionError, stack
from pyconsul.lang.gotemplate.values import NIL, Map, Slice, Struct, Value, is_nil, type_of
from pyconsul.lang.strconv import NumberSyntaxError, format_float, parse_int, quote_rune, to_bytes

_SHALLOW = 1000  # brackets; so many levels the standard library's reader, which recurses in C, takes on any stack

_SPACE = " \t\r\n"
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


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
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if clean.count("[") + clean.count("{") <= _SHALLOW:
        try:
            value = json.loads(clean, parse_int=_to_float, parse_float=_to_float, parse_constant=_refuse)
        except ValueError:
            return _read_slowly(clean)
        return _without_lone_surrogates(value) if "\\u" in clean else value
    return _read_slowly(clean)


def _read_slowly(text: str) -> Value:
    with stack.deep():
        return _Reader(text).run()


def _to_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise FunctionError(f"json: cannot unmarshal number {text} into Go value of type float64")
    return value


def _refuse(_text: str) -> float:
    raise ValueError


def _without_lone_surrogates(value: Any) -> Any:
    """An escaped half of a surrogate pair counts as U+FFFD, as in Go."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [_without_lone_surrogates(v) for v in value]
    if isinstance(value, dict):
        return {_without_lone_surrogates(k): _without_lone_surrogates(v) for k, v in value.items()}
    return value


class _Reader:
    """A second, slower reader that knows what Go says about a mistake."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def run(self) -> Value:
        """The whole text."""
        value = self.value(0, "looking for beginning of value")
        self.skip()
        if self.at < len(self.text):
            raise self.invalid("after top-level value")
        return value

    def skip(self) -> str:
        """Go to the next character that is no blank; empty at the end."""
        text = self.text
        while self.at < len(text) and text[self.at] in _SPACE:
            self.at += 1
        return text[self.at] if self.at < len(text) else ""

    def invalid(self, where: str) -> FunctionError:
        """The complaint about the character at this place."""
        if self.at >= len(self.text):
            if not where.startswith(("in ", "after decimal")) or where == "in string literal":
                return FunctionError("unexpected end of JSON input")
            # Go's scanner takes the end for a blank, which these places refuse.
            return FunctionError(f"invalid character ' ' {where}")
        char = self.text[self.at]
        byte = to_bytes(char)[0]
        shown = {"'": "'\\''", '"': "'\"'"}.get(char) or quote_rune(ord(char) if byte < 128 else byte)
        return FunctionError(f"invalid character {shown} {where}")

    def value(self, depth: int, where: str) -> Value:
        """One value of any kind."""
        char = self.skip()
        if char in ("{", "[") and depth == MAX_DEPTH:
            raise self.invalid("exceeded max depth")
        if char == "{":
            return self.object(depth)
        if char == "[":
            return self.array(depth)
        if char == '"':
            return self.string()
        if char == "-" or (char.isascii() and char.isdigit()):
            return self.number()
        for word, meaning in (("true", True), ("false", False), ("null", None)):
            if char == word[0]:
                return self.word(word, meaning)
        raise self.invalid(where)

    def word(self, word: str, meaning: bool | None) -> bool | None:
        """``true``, ``false`` or ``null``, letter by letter."""
        for letter in word:
            if self.text[self.at : self.at + 1] != letter:
                raise self.invalid(f"in literal {word} (expecting {quote_rune(ord(letter))})")
            self.at += 1
        return meaning

    def number(self) -> float:
        """A number."""
        found = _NUMBER.match(self.text, self.at)
        if found is None:
            self.at += 1
            raise self.invalid("in numeric literal")
        self.at = found.end()
        rest = self.text[self.at : self.at + 1]
        if rest == "." and "." not in found[0]:
            self.at += 1
            raise self.invalid("after decimal point in numeric literal")
        if rest in ("e", "E") and rest and "e" not in found[0].lower():
            self.at += 1
            if self.text[self.at : self.at + 1] in ("+", "-"):
                self.at += 1
            raise self.invalid("in exponent of numeric literal")
        return _to_float(found[0])

    def string(self) -> str:
        """A string."""
        self.at += 1
        out: list[str] = []
        while True:
            char = self.text[self.at : self.at + 1]
            if char == '"':
                self.at += 1
                return re.sub(
                    "[\ud800-\udfff]",
                    "\ufffd",
                    "".join(out).encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
                )
            if not char or char < " ":
                raise self.invalid("in string literal")
            self.at += 1
            out.append(self.escape() if char == "\\" else char)

    def escape(self) -> str:
        """What stands behind a backslash."""
        char = self.text[self.at : self.at + 1]
        if char in _ESCAPES and char:
            self.at += 1
            return _ESCAPES[char]
        if char != "u":
            raise self.invalid("in string escape code")
        self.at += 1
        for _ in range(4):
            digit = self.text[self.at : self.at + 1]
            if not digit or digit not in "0123456789abcdefABCDEF":
                raise self.invalid("in \\u hexadecimal character escape")
            self.at += 1
        return chr(int(self.text[self.at - 4 : self.at], 16))

    def array(self, depth: int) -> list[Any]:
        """A list."""
        self.at += 1
        items: list[Any] = []
        if self.skip() == "]":
            self.at += 1
            return items
        while True:
            items.append(self.value(depth + 1, "looking for beginning of value"))
            char = self.skip()
            if char not in (",", "]"):
                raise self.invalid("after array element")
            self.at += 1
            if char == "]":
                return items

    def object(self, depth: int) -> dict[str, Any]:
        """A map."""
        self.at += 1
        items: dict[str, Any] = {}
        if self.skip() == "}":
            self.at += 1
            return items
        while True:
            if self.skip() != '"':
                raise self.invalid("looking for beginning of object key string")
            key = self.string()
            if self.skip() != ":":
                raise self.invalid("after object key")
            self.at += 1
            items[key] = self.value(depth + 1, "looking for beginning of value")
            char = self.skip()
            if char not in (",", "}"):
                raise self.invalid("after object key:value pair")
            self.at += 1
            if char == "}":
                return items


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

    def value(self, value: Value, margin: str) -> None:
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
