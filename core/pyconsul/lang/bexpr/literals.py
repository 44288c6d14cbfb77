"""Integers as filter expressions write them, read to the width of the field they stand beside."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from pyconsul.lang.goflags.values import to_int, to_uint

Coercion = Callable[[str], object]


INTEGERS: Final[dict[str, Coercion]] = {
    "int": to_int,
    "uint": to_uint,
    **{f"int{bits}": partial(to_int, bits=bits) for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": partial(to_uint, bits=bits) for bits in (8, 16, 32, 64)},
}
"""Go's integer types by name; without a width in it, they have 64 bits."""
