"""Texts into values: truth values, numbers, JSON, YAML."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pyconsul.lang import strconv
from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.values import Int64, Uint64, Value
from pyconsul_template import gojson
from pyconsul_template.functions.registry import function

_T = TypeVar("_T")


def _read(name: str, text: str, blank: _T, read: Callable[[str], _T]) -> _T:
    if not text:
        return blank
    try:
        return read(text)
    except strconv.NumberSyntaxError as error:
        raise FunctionError(f"{name}: {error}") from None


@function("parseBool", "string")
def parse_bool(text: str) -> bool:
    """A truth value; empty is false."""
    return _read("parseBool", text, False, strconv.parse_bool)


@function("parseFloat", "string")
def parse_float(text: str) -> float:
    """A float; empty is 0."""
    return _read("parseFloat", text, 0.0, strconv.parse_float)


@function("parseInt", "string")
def parse_int(text: str) -> Int64:
    """A decimal integer; empty is 0."""
    return Int64(_read("parseInt", text, 0, strconv.parse_int))


@function("parseUint", "string")
def parse_uint(text: str) -> Uint64:
    """An unsigned decimal integer; empty is 0."""
    return Uint64(_read("parseUint", text, 0, strconv.parse_uint))


@function("parseJSON", "string -> any")
def parse_json(text: str) -> Value:
    """The value of a JSON text; empty is an empty map."""
    return gojson.parse(text) if text else {}


@function("parseYAML", "string -> any")
def parse_yaml(text: str) -> Value:
    """The value of the first YAML document; empty is an empty map."""
    from pyconsul_template import goyaml

    return goyaml.parse(text) if text else {}
