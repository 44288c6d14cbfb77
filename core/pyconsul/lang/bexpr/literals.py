"""Values as filter expressions write them: the coercions to the type of a field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyconsul.lang.goflags.values import ValueRefused, to_bool, to_float, to_int, to_uint
from pyconsul.lang.strconv import quote

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
]
