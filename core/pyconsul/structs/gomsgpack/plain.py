"""Msgpack bytes to plain values: text and bytes both come as ``str``, a map may be a map's key.

Knows nothing of structs; what writes is in the package itself, since it takes structs inside plain values, too.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

import msgpack

Plain: TypeAlias = Any

# Raw strings hold text or bytes. Surrogate escapes carry what is not UTF-8 through str and back unchanged.
ESCAPE: Final = "surrogateescape"


class DecodeError(ValueError):
    """The bytes are no msgpack, or do not fit the declared type."""


class MapKey(dict[str, str]):
    """A map that is the key of a map, which Go's maps by struct need."""

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride] -- dicts have none
        return hash(frozenset(self.items()))


def unpack(data: bytes | memoryview) -> Plain:
    """Read one plain value; bytes that are no UTF-8 become str with surrogate escapes. Raises DecodeError."""
    try:
        return msgpack.unpackb(data, raw=False, unicode_errors=ESCAPE, strict_map_key=False)
    except TypeError:  # a map is the key of a map; looking for those at once would cost all others a third
        return _only(unpack_all(data))
    except (ValueError, RecursionError, msgpack.UnpackException) as e:
        raise DecodeError(f"msgpack decode error: {e or type(e).__name__}") from e


def unpack_all(data: bytes | memoryview) -> list[Plain]:
    """All plain values that stand one behind the other; keys that are maps become ``MapKey``.

    Raises DecodeError.
    """
    try:
        reader = msgpack.Unpacker(
            raw=False,
            unicode_errors=ESCAPE,
            strict_map_key=False,
            object_pairs_hook=_map_of,
            max_buffer_size=max(len(data), 1),
        )
        reader.feed(data)
        found: list[Plain] = list(reader)
        if reader.tell() != len(data):
            raise DecodeError("msgpack decode error: unexpected end")
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as e:
        raise DecodeError(f"msgpack decode error: {e or type(e).__name__}") from e
    return found


def _only(values: list[Plain]) -> Plain:
    if len(values) != 1:
        raise DecodeError("msgpack decode error: not one value")
    return values[0]


def _map_of(pairs: list[tuple[dict[Any, Any] | str | int | float | bytes | None, Plain]]) -> dict[Plain, Plain]:
    return {_map_key(key) if isinstance(key, dict) else key: value for key, value in pairs}


def _map_key(fields: dict[Any, Any]) -> MapKey:
    """A map as a key: texts alone, as in Go's structs of names. Raises TypeError."""
    if not all(isinstance(part, str) for pair in fields.items() for part in pair):
        raise TypeError("a map that is a key holds texts only")
    return MapKey(fields)
