"""Values as filter expressions write them: Go string literals, and the coercions to the type of a field."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from pyconsul.lang.goflags.values import ValueRefused, to_bool, to_float, to_int, to_uint
from pyconsul.lang.strconv import quote

_SIMPLE: Final = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
}
_ESCAPE: Final = re.compile(r"\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))", re.DOTALL)


def unquote(literal: str) -> str:
    """The text of a Go string literal in double or back quotes. Raises ValueError("invalid syntax")."""
    body = literal[1:-1]
    if literal[0] == "`":
        return body.replace("\r", "")
    if "\n" in body:
        raise ValueError("invalid syntax")
    if "\\" not in body:
        return body
    return _ESCAPE.sub(_escaped, body).encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")


def _escaped(match: re.Match[str]) -> str:
    octal, byte, short, long, simple = match.groups()
    if simple is not None:
        if simple not in _SIMPLE:
            raise ValueError("invalid syntax")
        return _SIMPLE[simple]
    if octal is not None or byte is not None:
        code = int(octal, 8) if octal is not None else int(byte, 16)
        if code > 255:
            raise ValueError("invalid syntax")
        # A single byte of Go's string; above ASCII it may be part of a character that follows.
        return chr(code) if code < 128 else chr(0xDC00 + code)
    code = int(short or long, 16)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise ValueError("invalid syntax")
    return chr(code)


Coercion = Callable[[str], object]


def coerce_int(bits: int) -> Coercion:
    """Reader of a signed integer of this width."""
    return lambda text: to_int(text, bits)


def coerce_uint(bits: int) -> Coercion:
    """Reader of an unsigned integer of this width."""
    return lambda text: to_uint(text, bits)


INTEGERS: Final[dict[str, Coercion]] = {
    "int": coerce_int(64),
    "uint": coerce_uint(64),
    **{f"int{bits}": coerce_int(bits) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": coerce_uint(bits) for bits in (8, 16, 32, 64)},
}
"""Go's integer types by name."""

__all__ = [
    "INTEGERS",
    "Coercion",
    "ValueRefused",
    "quote",
    "to_bool",
    "to_float",
    "unquote",
]
