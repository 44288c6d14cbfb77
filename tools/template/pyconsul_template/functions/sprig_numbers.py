"""Numbers of the sprig library: lenient conversions, integer and decimal arithmetic, sequences."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Context, Decimal, DivisionByZero, InvalidOperation
from typing import Any

from pyconsul.lang import strconv
from pyconsul.lang.gotemplate import FunctionError
from pyconsul.lang.gotemplate.gofmt import to_string
from pyconsul.lang.gotemplate.values import Int64, Slice, Value, wrap_signed
from pyconsul.primitives.dice import DICE
from pyconsul_template.functions.arithmetic import quotient, real_quotient, remainder
from pyconsul_template.functions.registry import function

MAX_SEQUENCE = 10_000_000
"""Elements of a sequence; Go would run out of memory at some point."""


def to_int(value: Value) -> int:
    """A whole number of anything: text is read with its base, what is none is 0."""
    if isinstance(value, str):
        return _int_of_text(value)
    if isinstance(value, float):
        return _int_of_float(value)
    return int(wrap_signed(int(value))) if isinstance(value, int) else 0


def _int_of_float(value: float) -> int:
    if math.isnan(value) or math.isinf(value) or abs(value) >= 2**63:
        return strconv.MIN_INT64
    return int(value)


def _int_of_text(text: str) -> int:
    whole, _, fraction = text.partition(".")
    try:
        return strconv.parse_int(whole if fraction and not fraction.strip("0") else text, 0)
    except strconv.NumberSyntaxError:
        return 0


def to_float(value: Value) -> float:
    """A float of anything; what is no number is 0."""
    if isinstance(value, str):
        try:
            return strconv.parse_float(value)
        except strconv.NumberSyntaxError:
            return 0.0
    return float(value) if isinstance(value, (int, float)) else 0.0


@function("sprig_int", "any")
def int_(value: Value) -> int:
    """A whole number."""
    return to_int(value)


@function("sprig_int64", "any")
def int64(value: Value) -> Int64:
    """A whole number of type int64."""
    return Int64(to_int(value))


@function("sprig_float64", "any")
def float64(value: Value) -> float:
    """A float."""
    return to_float(value)


@function("sprig_toDecimal", "any")
def to_decimal(value: Value) -> Int64:
    """The number that an octal text stands for."""
    try:
        return Int64(strconv.parse_int(to_string(value), 8))
    except strconv.NumberSyntaxError:
        return Int64(0)


@function("sprig_add1", "any")
def add1(value: Value) -> Int64:
    """One more."""
    return wrap_signed(to_int(value) + 1)


@function("sprig_add", "...any")
def add(*values: Value) -> Int64:
    """The sum."""
    return wrap_signed(sum(to_int(v) for v in values))


@function("sprig_sub", "any, any")
def sub(a: Value, b: Value) -> Int64:
    """a - b."""
    return wrap_signed(to_int(a) - to_int(b))


@function("sprig_div", "any, any")
def div(a: Value, b: Value) -> Int64:
    """a / b without fraction."""
    return wrap_signed(quotient(to_int(a), to_int(b)))


@function("sprig_mod", "any, any")
def mod(a: Value, b: Value) -> Int64:
    """The remainder of a / b."""
    return wrap_signed(remainder(to_int(a), to_int(b)))


@function("sprig_mul", "any, ...any")
def mul(first: Value, *others: Value) -> Int64:
    """The product."""
    return wrap_signed(math.prod(to_int(v) for v in (first, *others)))


@function("sprig_max", "any, ...any")
def max_(first: Value, *others: Value) -> Int64:
    """The largest."""
    return Int64(max(to_int(v) for v in (first, *others)))


function("sprig_biggest", "any, ...any")(max_)


@function("sprig_min", "any, ...any")
def min_(first: Value, *others: Value) -> Int64:
    """The smallest."""
    return Int64(min(to_int(v) for v in (first, *others)))


def _size(number: float) -> tuple[float, float]:
    """What to compare by: minus zero is less than zero."""
    return number, math.copysign(1, number)


def _extreme(numbers: list[float], furthest: float, pick: Callable[..., float]) -> float:
    """The largest or smallest; only the infinity in that direction wins over what is not a number."""
    if furthest in numbers:
        return furthest
    return math.nan if any(map(math.isnan, numbers)) else pick(numbers, key=_size)


@function("sprig_maxf", "any, ...any")
def maxf(first: Value, *others: Value) -> float:
    """The largest as a float."""
    return _extreme([to_float(v) for v in (first, *others)], math.inf, max)


@function("sprig_minf", "any, ...any")
def minf(first: Value, *others: Value) -> float:
    """The smallest as a float."""
    return _extreme([to_float(v) for v in (first, *others)], -math.inf, min)


# The decimal library behind sprig divides to 16 places after the point and is exact otherwise.
_EXACT = Context(prec=400)
_PLACES = Decimal("1e-16")


def _decimal(value: float) -> Decimal:
    if math.isnan(value) or math.isinf(value):
        raise FunctionError(f"Cannot create a Decimal from {strconv.format_float(value)}")
    return Decimal(repr(value))


def _folded(first: float, others: tuple[Any, ...], step: Callable[[Decimal, Decimal], Decimal]) -> float:
    total = _decimal(first)
    for value in others:
        total = step(total, _decimal(to_float(value)))
    return float(total) or 0.0  # a Decimal's minus zero is plain zero in Go's library


def _quotient(a: Decimal, b: Decimal) -> Decimal:
    try:
        return _EXACT.divide(a, b).quantize(_PLACES, rounding=ROUND_HALF_UP, context=_EXACT)
    except (DivisionByZero, InvalidOperation):
        raise FunctionError("decimal division by 0") from None


@function("sprig_add1f", "any")
def add1f(value: Value) -> float:
    """One more, with fraction."""
    return _folded(to_float(value), (1,), _EXACT.add)


@function("sprig_addf", "...any")
def addf(*values: Value) -> float:
    """The sum, with fraction."""
    return _folded(0.0, values, _EXACT.add)


@function("sprig_subf", "any, ...any")
def subf(first: Value, *others: Value) -> float:
    """The difference, with fraction."""
    return _folded(to_float(first), others, _EXACT.subtract)


@function("sprig_mulf", "any, ...any")
def mulf(first: Value, *others: Value) -> float:
    """The product, with fraction."""
    return _folded(to_float(first), others, _EXACT.multiply)


@function("sprig_divf", "any, ...any")
def divf(first: Value, *others: Value) -> float:
    """The quotient, with fraction."""
    return _folded(to_float(first), others, _quotient)


@function("sprig_floor", "any")
def floor(value: Value) -> float:
    """The whole number below."""
    return _whole(to_float(value), math.floor)


@function("sprig_ceil", "any")
def ceil(value: Value) -> float:
    """The whole number above."""
    return _whole(to_float(value), math.ceil)


def _whole(number: float, towards: Callable[[float], int]) -> float:
    """The nearest whole number on one side; what is rounded to nothing keeps its sign."""
    return math.copysign(towards(number), number) if math.isfinite(number) else number


@function("sprig_round", "any, int, ...float64")
def round_(value: Value, places: int, *limit: float) -> float:
    """Rounded to places; from ``limit`` (0.5) on a fraction goes up."""
    power = float(f"1e{places}")  # infinite or nothing where that is too much or too little
    shifted = power * to_float(value)
    if not math.isfinite(shifted):
        return real_quotient(shifted, power)
    fraction = math.modf(shifted)[0]
    up = fraction >= (limit[0] if limit else 0.5)
    return real_quotient(_whole(shifted, math.ceil if up else math.floor), power)


def _steps(start: int, stop: int, step: int) -> list[int]:
    if (stop < start and step >= 0) or (stop >= start and step <= 0):
        return []
    found = range(start, stop, step)
    if len(found) > MAX_SEQUENCE:
        raise FunctionError("runtime error: out of memory")
    return list(found)


@function("sprig_until", "int")
def until(count: int) -> Slice:
    """The integers from 0 up (or down) to a count, which is left out."""
    return Slice("[]int", _steps(0, count, -1 if count < 0 else 1))


@function("sprig_untilStep", "int, int, int")
def until_step(start: int, stop: int, step: int) -> Slice:
    """The integers from start to stop, which is left out."""
    return Slice("[]int", _steps(start, stop, step))


@function("sprig_seq", "...int")
def seq(*bounds: int) -> str:
    """As the command seq: end, or start and end, or start, step and end, all included."""
    if len(bounds) == 1:
        start, end = 1, bounds[0]
        step = -1 if end < start else 1
        numbers = _steps(start, end + step, step)
    elif len(bounds) == 2:
        start, end = bounds
        step = -1 if end < start else 1
        numbers = _steps(start, end + step, step)
    elif len(bounds) == 3:
        start, step, end = bounds
        down = end < start
        numbers = [] if down and step > 0 else _steps(start, end + (-1 if down else 1), step)
    else:
        numbers = []
    return " ".join(map(str, numbers))


@function("sprig_randInt", "int, int", changing=True)
def rand_int(low: int, high: int) -> int:
    """A random number from low up to high, which is left out."""
    if not low < high <= low + strconv.MAX_INT64:
        raise FunctionError("invalid argument to Intn")
    return DICE.randrange(low, high)
