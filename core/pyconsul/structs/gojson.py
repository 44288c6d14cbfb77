"""JSON as Go's ``encoding/json`` writes it, with its escapes and its form of floats.

Escaped are ``<``, ``>``, ``&``, U+2028 and U+2029.

Numbers: Go prints a whole float64 without ``.0`` and switches to exponents below 1e-6 and from 1e21 on.

Objects: Go prints a struct's fields as they are declared, and a map sorted by its keys. Here a dict within a struct is
such a map. A dict that a caller wrote out stands for a Go struct and keeps its order: wrap what is a map in it with
``sorted_map``.
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any, TypeAlias

import msgspec
from msgspec import UnsetType

# What is written: unlike an Any, ``isinstance`` narrows it down to lists and maps of known insides.
Shown: TypeAlias = (
    msgspec.Struct | msgspec.Raw | dict[Any, Any] | list[Any] | tuple[Any, ...] | str | float | bytes | UnsetType | None
)

_AS_WRITTEN = msgspec.json.Encoder()
_MAPS_SORTED = msgspec.json.Encoder(order="deterministic")  # of dicts alone: fields of structs keep their order
_ESCAPES = {
    b"<": b"\\u003c",
    b">": b"\\u003e",
    b"&": b"\\u0026",
    b"\xe2\x80\xa8": b"\\u2028",
    b"\xe2\x80\xa9": b"\\u2029",
}
_MARKS = (b"<", b">", b"&", b"\xe2\x80")
_NEEDS_ESCAPE = re.compile(rb"[<>&]|\xe2\x80[\xa8\xa9]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NONCHARACTERS = [chr(code) for code in range(0xFDD0, 0xFDF0)]
_FLOAT_MARKS = (b".", b"e-", *(b"e%d" % digit for digit in range(1, 10)))
# A float as a whole value: strings full of addresses and versions must not bring in the slow pattern below.
_MAYBE_FLOAT = rb'(?:":|[,\[]|^)-?\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)(?:[,\]}]|$)'
_FLOAT = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+\.\d+(?:[eE][+-]?\d+)?|-?\d+[eE][+-]?\d+')


def encode(value: Any) -> bytes:
    """``value`` as compact JSON, without a newline at the end."""
    if isinstance(value, bool):  # what most writes answer
        return b"true" if value else b"false"
    try:
        data = _objects_in_order(value)
    except UnicodeEncodeError:  # keys that came as bytes which are no UTF-8
        data = _with_bad_bytes_escaped(value)
    if any(mark in data for mark in _MARKS):  # four byte searches cost a tenth of one regular expression
        data = _NEEDS_ESCAPE.sub(lambda m: _ESCAPES[m[0]], data)
    if any(mark in data for mark in _FLOAT_MARKS) and _finder_of_floats()(data):
        data = _FLOAT.sub(_go_float, data)
    return data


def encode_pretty(value: Any) -> bytes:
    """``value`` as Go's ``MarshalIndent`` with four spaces: empty containers stay on one line."""
    return msgspec.json.format(encode(value), indent=4)


def sorted_map(value: Shown) -> Any:
    """``value`` with the keys of every dict in it sorted, as Go's maps are; lists keep their order."""
    if isinstance(value, dict):
        return {name: sorted_map(item) for name, item in sorted(value.items(), key=lambda pair: pair[0])}
    if isinstance(value, list | tuple):
        return [sorted_map(item) for item in value]
    return value


def format_float(number: float) -> str:
    """A float64 in the form Go's JSON encoder gives it. Raises ValueError for NaN and infinities."""
    if not math.isfinite(number):
        raise ValueError(f"json: unsupported value: {number}")
    shortest = Decimal(repr(number)).normalize()
    if number == 0 or 1e-6 <= abs(number) < 1e21:
        return format(shortest, "f")
    mantissa, _, exponent = f"{shortest:e}".partition("e")
    return f"{mantissa}e{exponent[0]}{exponent[1:].zfill(2)}"


def _objects_in_order(value: Shown) -> bytes:
    if _is_of_structs(value):
        return _MAPS_SORTED.encode(value)
    if isinstance(value, dict | list):
        return _AS_WRITTEN.encode(_structs_encoded(value))
    return _AS_WRITTEN.encode(value)


def _with_bad_bytes_escaped(value: Shown) -> bytes:
    """The JSON of a value with bytes that are no UTF-8.

    Go escapes those, and not U+FFFD itself: so a character that is not there stands in first.
    """
    plain = _objects_in_order(without_surrogates(value))
    unused = next((mark for mark in _NONCHARACTERS if mark.encode() not in plain), "\ufffd")
    return _objects_in_order(without_surrogates(value, unused)).replace(unused.encode(), b"\\ufffd")


def _is_of_structs(value: Shown) -> bool:
    """Whether this is a struct, or a list of them: their dicts are all maps. A list never mixes."""
    if isinstance(value, list | tuple):
        value = next(iter(value), None)
    return isinstance(value, msgspec.Struct)


def _structs_encoded(value: Shown) -> Any:
    """``value`` with each struct in it as its JSON, so that the dicts around them keep their order."""
    if _is_of_structs(value):
        return msgspec.Raw(_MAPS_SORTED.encode(value))
    if isinstance(value, dict):
        return {name: _structs_encoded(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_structs_encoded(item) for item in value]
    return value


@cache
def _finder_of_floats() -> Callable[[bytes], object]:
    """What looks for ``_MAYBE_FLOAT``.

    Most answers with a dot come by here, and re takes ten times as long.
    """
    import re2  # not at the top: commands that print no floats do without

    return re2.compile(_MAYBE_FLOAT).search


def _go_float(match: re.Match[bytes]) -> bytes:
    text = match[0]
    if text.startswith(b'"'):
        return text
    shown = format_float(float(text)).encode()
    return shown[:-2] + shown[-1:] if shown[-4:-1] == b"e-0" else shown  # here, and here alone, 1e-07 is 1e-7


def without_surrogates(value: Shown, instead: str = "\ufffd") -> Any:
    """A value with ``instead`` for each byte that is no UTF-8, in keys, too."""
    if isinstance(value, str):
        return _SURROGATE.sub(instead, value)
    if isinstance(value, msgspec.Struct):
        fields = {name: without_surrogates(getattr(value, name), instead) for name in value.__struct_fields__}
        return type(value)(**fields)
    if isinstance(value, dict):
        return {without_surrogates(k, instead): without_surrogates(v, instead) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [without_surrogates(v, instead) for v in value]
    return value
