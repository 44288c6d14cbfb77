"""Go's old-spec msgpack: RPC bodies, log entries, snapshot records (``wire/README.md``, Codec).

The declared types of the structs drive it: fields sorted under their Go names, byte strings and text both as raw
strings, times as 15 raw bytes, nil apart from empty. A value passes two stages: a struct becomes a plain dict
(``translators``, ``scalars``), which msgpack then packs; ``plain`` is the way back from bytes. Nobody else packs bytes
by hand.

Markers: ``Annotated[str, Meta(extra={"go": "time"})]`` is RFC 3339 text here and 15 bytes there; with ``"duration"``
it is Go duration text here and nanoseconds there; ``"float32"`` reads the shortest number of that width;
``"by-service"`` is a map by name here and a map by ``{Name}`` there.
``go_names`` gives the Go name of a field (``""``: not in msgpack). A struct in ``go_values`` that is unset is written
as one of zeros.
A struct whose Go type marshals itself has ``go_marshal`` (gives a plain value) and the class method ``go_unmarshal``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast, get_origin

import msgpack
import msgspec

from pyconsul.structs.gomsgpack.plain import ESCAPE, DecodeError, MapKey, Plain, unpack, unpack_all
from pyconsul.structs.gomsgpack.translators import (
    decoder_of,
    encoder_of,
    fields_decoder,
    fields_encoder,
    from_plain,
    to_plain,
)

__all__ = [
    "DecodeError",
    "MapKey",
    "decode",
    "decoder",
    "encode",
    "encoder",
    "fields_decoder",
    "fields_encoder",
    "from_plain",
    "pack",
    "to_plain",
    "unpack",
    "unpack_all",
]

T = TypeVar("T")


def pack(plain: Plain, *, single_floats: bool = False) -> bytes:
    """Write a plain value as it stands: str and bytes as raw strings, dicts in their own order.

    ``single_floats`` writes all floats with 32 bits, for types that have no others.
    """
    # A packer of its own for each call: threads share no state, and it costs 0.07 µs.
    packer = msgpack.Packer(
        use_bin_type=False,
        unicode_errors=ESCAPE,
        default=to_plain,
        buf_size=1024,  # pyright: ignore[reportCallIssue] -- the stubs do not know it
        use_single_float=single_floats,
    )
    return packer.pack(plain)


def encode(value: object) -> bytes:
    """A struct (or list, dict, scalar of structs) as Go's encoder would write it."""
    return pack(to_plain(value))


def encoder(type_: type[T]) -> Callable[[T], bytes]:
    """`encode` for one type, for callers that write many values of it.

    Of one thread, for it has one packer.
    """
    translate = encoder_of(type_) if get_origin(type_) is None and issubclass(type_, msgspec.Struct) else to_plain
    packer = msgpack.Packer(
        use_bin_type=False,
        unicode_errors=ESCAPE,
        default=to_plain,
        buf_size=1024,  # pyright: ignore[reportCallIssue] -- as above
    )
    return lambda value: packer.pack(translate(value))


def decode(data: bytes | memoryview, type_: type[T]) -> T:
    """Read one value of the declared type.

    Unknown keys are ignored, missing ones take the field's default, nil is the zero value; modern msgpack
    (str8, bin) is read as well. Raises DecodeError.
    """
    return from_plain(unpack(data), type_)


def decoder(type_: type[T]) -> Callable[[bytes | memoryview], T]:
    """`decode` for one type, for callers that read many values of it."""
    translate = decoder_of(type_)
    return lambda data: cast("T", translate(unpack(data)))
