"""Arithmetic on integers and floats of any Go type; the last argument comes first, as in a pipe."""

from __future__ import annotations

import math
from collections.abc import Callable

from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.gofmt import sprintf
from pyconsul.lang.gotemplate.values import (
    FLOAT,
    INT,
    UINT,
    Int64,
    Uint64,
    Value,
    basic_kind,
    type_of,
    wrap_signed,
    wrap_unsigned,
)
from pyconsul_template.functions.registry import function


def _kind(name: str, value: Value, allowed: tuple[str, ...]) -> str:
    kind = basic_kind(value)
    if kind not in allowed:
        raise FunctionError(f"{name}: unknown type for {_quoted(value)} ({type_of(value)})")
    return kind


def _quoted(value: Value) -> str:
    """A value as ``%q`` of a reflect.Value shows it."""
    return "<invalid reflect.Value>" if value is None else sprintf("%q", [value])


def _wrapped(number: int, kinds: tuple[str, str]) -> Value:
    return wrap_unsigned(number) if kinds == (UINT, UINT) else wrap_signed(number)


def _calculate(
    name: str, a: Value, b: Value, whole: Callable[[int, int], int], real: Callable[[float, float], float] | None
) -> Value:
    allowed = (INT, UINT, FLOAT) if real is not None else (INT, UINT)
    kinds = _kind(name, a, allowed), _kind(name, b, allowed)
    if FLOAT in kinds and real is not None:
        return real(float(a), float(b))
    # A mixed operation takes both as int64.
    left, right = (int(a), int(b)) if kinds == (UINT, UINT) else (int(wrap_signed(a)), int(wrap_signed(b)))
    return _wrapped(whole(left, right), kinds)


@function("add", "any, any -> any")
def add(b: Value, a: Value) -> Value:
    """a + b."""
    return _calculate("add", a, b, lambda x, y: x + y, lambda x, y: x + y)


@function("subtract", "any, any -> any")
def subtract(b: Value, a: Value) -> Value:
    """a - b."""
    return _calculate("subtract", a, b, lambda x, y: x - y, lambda x, y: x - y)


@function("multiply", "any, any -> any")
def multiply(b: Value, a: Value) -> Value:
    """a * b."""
    return _calculate("multiply", a, b, lambda x, y: x * y, lambda x, y: x * y)


def quotient(a: int, b: int) -> int:
    """Go's integer division: towards zero. Raises FunctionError for zero."""
    if b == 0:
        raise FunctionError("runtime error: integer divide by zero")
    result = abs(a) // abs(b)
    return result if (a < 0) == (b < 0) else -result


def remainder(a: int, b: int) -> int:
    """Go's remainder: with the sign of the dividend. Raises FunctionError for zero."""
    return a - b * quotient(a, b)


def real_quotient(a: float, b: float) -> float:
    """IEEE division: by zero it gives an infinity or no number."""
    if b == 0:
        return math.nan if a == 0 or math.isnan(a) else math.copysign(math.inf, a) * math.copysign(1.0, b)
    return a / b


@function("divide", "any, any -> any")
def divide(b: Value, a: Value) -> Value:
    """a / b."""
    return _calculate("divide", a, b, quotient, real_quotient)


@function("modulo", "any, any -> any")
def modulo(b: Value, a: Value) -> Value:
    """The remainder of a / b; integers only."""
    return _calculate("modulo", a, b, remainder, None)


def _pick(name: str, a: Value, b: Value, first_wins: Callable[[Value, Value], bool]) -> Value:
    kinds = [_kind(name, value, (INT, UINT, FLOAT)) for value in (a, b)]
    # A mixed comparison of whole numbers takes both as int64.
    left, right = (wrap_signed(a), wrap_signed(b)) if {*kinds} == {INT, UINT} else (a, b)
    chosen = a if first_wins(left, right) else b
    if isinstance(chosen, float):
        return chosen
    return Uint64(chosen) if basic_kind(chosen) == UINT else Int64(chosen)


@function("minimum", "any, any -> any")
def minimum(b: Value, a: Value) -> Value:
    """The smaller of the two."""
    return _pick("minimum", a, b, lambda x, y: x < y)


@function("maximum", "any, any -> any")
def maximum(b: Value, a: Value) -> Value:
    """The larger of the two."""
    return _pick("maximum", a, b, lambda x, y: x > y)
