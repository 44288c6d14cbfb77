"""Leaf values on their way to msgpack and back: zeros for nil, times and durations in Go's form."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import UnsetType, inspect

from pyconsul.primitives.durations import format_duration, parse_duration
from pyconsul.primitives.untyped import is_dict, is_list
from pyconsul.structs import gotime
from pyconsul.structs.gomsgpack.plain import ESCAPE, DecodeError, Plain
from pyconsul.structs.wire import ZERO_TIME

Translate: TypeAlias = Callable[[Any], Any]


def _time_to_plain(text: str | UnsetType) -> bytes:
    try:
        return gotime.to_binary(text or "")
    except ValueError as e:
        raise TypeError(f"not a time: {text!r}") from e


def _time_from_plain(plain: Plain) -> str:
    if plain is None:
        return ZERO_TIME
    try:
        return gotime.from_binary(_as_bytes(plain))
    except ValueError as e:
        raise DecodeError(str(e)) from e


def as_str(plain: Plain) -> str:
    """Text, whether it came as such or as bytes. Raises DecodeError."""
    if isinstance(plain, str):
        return plain
    if isinstance(plain, bytes):
        return plain.decode("utf-8", ESCAPE)
    if plain is None:
        return ""
    raise DecodeError(f"expected a string, got {type(plain).__name__}")


def _as_bytes(plain: Plain) -> bytes:
    if isinstance(plain, str):
        return plain.encode("utf-8", ESCAPE)
    if isinstance(plain, bytes):
        return plain
    if plain is None:
        return b""
    raise DecodeError(f"expected bytes, got {type(plain).__name__}")


def _as_int(plain: Plain) -> int:
    if isinstance(plain, int) and not isinstance(plain, bool):
        return plain
    if plain is None:
        return 0
    raise DecodeError(f"expected an integer, got {type(plain).__name__}")


def _as_float(plain: Plain) -> float:
    if isinstance(plain, int | float) and not isinstance(plain, bool):
        return float(plain)
    if plain is None:
        return 0.0
    raise DecodeError(f"expected a number, got {type(plain).__name__}")


def _as_bool(plain: Plain) -> bool:
    if isinstance(plain, bool):
        return plain
    if plain is None:
        return False
    raise DecodeError(f"expected a boolean, got {type(plain).__name__}")


def as_list(plain: Plain) -> list[Plain]:
    """An array; nil is an empty one. Raises DecodeError."""
    if is_list(plain):
        return plain
    if plain is None:
        return []
    raise DecodeError(f"expected an array, got {type(plain).__name__}")


def as_dict(plain: Plain) -> dict[Plain, Plain]:
    """A map; nil is an empty one. Raises DecodeError."""
    if is_dict(plain):
        return plain
    if plain is None:
        return {}
    raise DecodeError(f"expected a map, got {type(plain).__name__}")


def _duration_to_plain(text: str | UnsetType) -> int:
    return parse_duration(text) if text else 0


def _duration_from_plain(plain: Plain) -> str:
    return format_duration(_as_int(plain))


def same(value: Any) -> Any:
    """What stands for "nothing to do", so that generated code may leave the call out."""
    return value


class Scalar(msgspec.Struct, frozen=True):
    """How a leaf type is translated; a value whose class has the name ``ready`` is read as it is."""

    to_plain: Translate
    from_plain: Translate
    ready: str
    zero: Plain


SCALARS: Final[dict[type[inspect.Type], Scalar]] = {
    inspect.StrType: Scalar(same, as_str, "str", ""),
    inspect.IntType: Scalar(same, _as_int, "int", 0),
    inspect.FloatType: Scalar(float, _as_float, "float", 0.0),
    inspect.BoolType: Scalar(same, _as_bool, "bool", False),
    inspect.BytesType: Scalar(same, _as_bytes, "bytes", None),
    inspect.AnyType: Scalar(same, same, "", None),
}


def _float32_from_plain(plain: Plain) -> float:
    """The shortest decimal number that a 32-bit float stands for."""
    value = _as_float(plain)
    try:
        raw = struct.pack("<f", value)
        return next(short for digits in range(1, 10) if struct.pack("<f", short := float(f"{value:.{digits}g}")) == raw)
    except (OverflowError, StopIteration):  # wider than it should be, or no number
        return value


MARKED: Final[dict[object, tuple[Translate, Translate]]] = {
    "time": (_time_to_plain, _time_from_plain),
    "duration": (_duration_to_plain, _duration_from_plain),
    "float32": (float, _float32_from_plain),
}
