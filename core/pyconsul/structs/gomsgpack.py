"""Go's old-spec msgpack, the bytes of RPC bodies, log entries and snapshot records (``wire/README.md``, Codec).

The declared types of the structs drive it: fields sorted under their Go names, byte strings and text both as raw
strings, times as 15 raw bytes, nil apart from empty. For every struct type a pair of functions is generated once,
as dataclasses do it, because a log replay calls them a hundred thousand times. Nobody else packs bytes by hand.

Markers: ``Annotated[str, Meta(extra={"go": "time"})]`` is RFC 3339 text here and 15 bytes there; with ``"duration"``
it is Go duration text here and nanoseconds there; ``"float32"`` reads the shortest number of that width;
``"by-service"`` is a map by name here and a map by ``{Name}`` there.
``go_names`` gives the Go name of a field (``""``: not in msgpack). A struct in ``go_values`` that is unset is written
as one of zeros.
A struct whose Go type marshals itself has ``go_marshal`` (gives a plain value) and the class method ``go_unmarshal``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from enum import Enum
from typing import Any, Final, TypeAlias, TypeVar, cast, get_origin

import msgpack
import msgspec
from msgspec import NODEFAULT, UNSET, UnsetType, inspect

from pyconsul.primitives.durations import format_duration, parse_duration
from pyconsul.primitives.untyped import is_dict, is_list
from pyconsul.structs import gotime

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
Plain: TypeAlias = Any
_Translate: TypeAlias = Callable[[Any], Any]

# Raw strings hold text or bytes. Surrogate escapes carry what is not UTF-8 through str and back unchanged.
_ESCAPE: Final = "surrogateescape"


class DecodeError(ValueError):
    """The bytes are no msgpack, or do not fit the declared type."""


# --- bytes <-> plain values ---------------------------------------------------------------------------------


class MapKey(dict[str, str]):
    """A map that is the key of a map, which Go's maps by struct need."""

    def __hash__(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride] -- dicts have none
        return hash(frozenset(self.items()))


def pack(plain: Plain, *, single_floats: bool = False) -> bytes:
    """Write a plain value as it stands: str and bytes as raw strings, dicts in their own order.

    ``single_floats`` writes all floats with 32 bits, for types that have no others.
    """
    # A packer of its own for each call: threads share no state, and it costs 0.07 µs.
    packer = msgpack.Packer(
        use_bin_type=False,
        unicode_errors=_ESCAPE,
        default=to_plain,
        buf_size=1024,  # pyright: ignore[reportCallIssue] -- the stubs do not know it
        use_single_float=single_floats,
    )
    return packer.pack(plain)


def unpack(data: bytes | memoryview) -> Plain:
    """Read one plain value; bytes that are no UTF-8 become str with surrogate escapes. Raises DecodeError."""
    try:
        return msgpack.unpackb(data, raw=False, unicode_errors=_ESCAPE, strict_map_key=False)
    except TypeError:  # a map is the key of a map; looking for those at once would cost all others a third
        return _only(unpack_all(data))
    except (ValueError, RecursionError, msgpack.UnpackException) as e:
        raise DecodeError(f"msgpack decode error: {e or type(e).__name__}") from e


def unpack_all(data: bytes | memoryview) -> list[Plain]:
    """All plain values that stand one behind the other; keys that are maps become ``MapKey``. Raises DecodeError."""
    try:
        reader = msgpack.Unpacker(
            raw=False,
            unicode_errors=_ESCAPE,
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


# --- structs <-> bytes --------------------------------------------------------------------------------------


def encode(value: object) -> bytes:
    """A struct (or list, dict, scalar of structs) as Go's encoder would write it."""
    return pack(to_plain(value))


def encoder(type_: type[T]) -> Callable[[T], bytes]:
    """`encode` for one type, for callers that write many values of it; of one thread, for it has one packer."""
    translate = _encoder_of(type_) if get_origin(type_) is None and issubclass(type_, msgspec.Struct) else to_plain
    packer = msgpack.Packer(
        use_bin_type=False,
        unicode_errors=_ESCAPE,
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
    translate = _decoder_of(type_)
    return lambda data: cast("T", translate(unpack(data)))


def to_plain(value: object) -> Plain:
    """``value`` with every struct as a dict of sorted Go names, ready for `pack`."""
    if isinstance(value, msgspec.Struct):
        return _encoder_of(type(value))(value)
    if value is UNSET:
        return None
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in cast("list[object]", value)]
    if isinstance(value, str | bytes | int | float | dict) or value is None:
        return cast("Plain", value)
    raise TypeError(f"cannot encode {type(value).__name__} as msgpack")


def from_plain(plain: Plain, type_: type[T]) -> T:
    """A value of the declared type from what `unpack` gave. Raises DecodeError."""
    return cast("T", _decoder_of(type_)(plain))


# --- times ----------------------------------------------------------------------------------------------------


def _time_to_plain(text: str | UnsetType) -> bytes:
    try:
        return gotime.to_binary(text or "")
    except ValueError as e:
        raise TypeError(f"not a time: {text!r}") from e


def _time_from_plain(plain: Plain) -> str:
    if plain is None:
        return "0001-01-01T00:00:00Z"
    try:
        return gotime.from_binary(_as_bytes(plain))
    except ValueError as e:
        raise DecodeError(str(e)) from e


# --- leaf values ----------------------------------------------------------------------------------------------


def _as_str(plain: Plain) -> str:
    if isinstance(plain, str):
        return plain
    if isinstance(plain, bytes):
        return plain.decode("utf-8", _ESCAPE)
    if plain is None:
        return ""
    raise DecodeError(f"expected a string, got {type(plain).__name__}")


def _as_bytes(plain: Plain) -> bytes:
    if isinstance(plain, str):
        return plain.encode("utf-8", _ESCAPE)
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


def _as_list(plain: Plain) -> list[Plain]:
    if is_list(plain):
        return plain
    if plain is None:
        return []
    raise DecodeError(f"expected an array, got {type(plain).__name__}")


def _as_dict(plain: Plain) -> dict[Plain, Plain]:
    if is_dict(plain):
        return plain
    if plain is None:
        return {}
    raise DecodeError(f"expected a map, got {type(plain).__name__}")


def _duration_to_plain(text: str | UnsetType) -> int:
    return parse_duration(text) if text else 0


def _duration_from_plain(plain: Plain) -> str:
    return format_duration(_as_int(plain))


# --- compiling one declared type --------------------------------------------------------------------------------


def _same(value: Any) -> Any:
    return value


class _Scalar(msgspec.Struct, frozen=True):
    """How a leaf type is translated; a value whose class has the name ``ready`` is read as it is."""

    to_plain: _Translate
    from_plain: _Translate
    ready: str
    zero: Plain


_SCALARS: Final[dict[type[inspect.Type], _Scalar]] = {
    inspect.StrType: _Scalar(_same, _as_str, "str", ""),
    inspect.IntType: _Scalar(_same, _as_int, "int", 0),
    inspect.FloatType: _Scalar(float, _as_float, "float", 0.0),
    inspect.BoolType: _Scalar(_same, _as_bool, "bool", False),
    inspect.BytesType: _Scalar(_same, _as_bytes, "bytes", None),
    inspect.AnyType: _Scalar(_same, _same, "", None),
}


def _float32_from_plain(plain: Plain) -> float:
    """The shortest decimal number that a 32-bit float stands for."""
    value = _as_float(plain)
    try:
        raw = struct.pack("<f", value)
        return next(short for digits in range(1, 10) if struct.pack("<f", short := float(f"{value:.{digits}g}")) == raw)
    except (OverflowError, StopIteration):  # wider than it should be, or no number
        return value


_MARKED: Final[dict[object, tuple[_Translate, _Translate]]] = {
    "time": (_time_to_plain, _time_from_plain),
    "duration": (_duration_to_plain, _duration_from_plain),
    "float32": (float, _float32_from_plain),
}
_BY_SERVICE: Final = "by-service"


def _marker(t: inspect.Type) -> tuple[inspect.Type, object]:
    """The type under ``Annotated``, and the value of its ``go`` marker if it has one."""
    if isinstance(t, inspect.Metadata):
        return t.type, cast("dict[str, Any]", t.extra or {}).get("go")
    return t, None


def _optional(t: inspect.Type) -> tuple[inspect.Type, bool]:
    """The type without ``| None``, and whether that was there."""
    if not isinstance(t, inspect.UnionType):
        return t, False
    rest = [m for m in t.types if not isinstance(m, inspect.NoneType)]
    if len(rest) != 1:
        return inspect.AnyType(), True
    return rest[0], len(rest) < len(t.types)


def _to_plain_of(t: inspect.Type) -> _Translate:
    """The function that makes a set, non-nil value of this type plain; `_same` where nothing is to do."""
    t, optional = _optional(t)
    if optional:
        inner = _to_plain_of(t)
        return _same if inner is _same else lambda v: None if v is None else inner(v)
    t, mark = _marker(t)
    if mark in _MARKED:
        return _MARKED[mark][0]
    if isinstance(t, inspect.StructType):
        return _encoder_of(t.cls)
    if isinstance(t, inspect.ListType | inspect.VarTupleType):
        item = _to_plain_of(t.item_type)
        return _same if item is _same else lambda v: [item(x) for x in v]
    if isinstance(t, inspect.DictType):
        item = _to_plain_of(t.value_type)
        if mark == _BY_SERVICE:
            return lambda v: {MapKey(Name=k): item(x) for k, x in v.items()}
        return _same if item is _same else lambda v: {k: item(x) for k, x in v.items()}
    if isinstance(t, inspect.EnumType):
        return lambda v: v.value
    if type(t) in _SCALARS:
        return _SCALARS[type(t)].to_plain
    raise TypeError(f"gomsgpack knows no {type(t).__name__}")


def _from_plain_of(t: inspect.Type) -> _Translate:
    """The function that reads this type; nil gives None for an optional type, else the zero value."""
    t, optional = _optional(t)
    if optional:
        inner = _from_plain_of(t)
        return _same if inner is _same else lambda p: None if p is None else inner(p)
    t, mark = _marker(t)
    if mark in _MARKED:
        return _MARKED[mark][1]
    if isinstance(t, inspect.StructType):
        return _decoder_of(t.cls)
    if isinstance(t, inspect.ListType):
        item = _from_plain_of(t.item_type)
        return lambda p: [item(x) for x in _as_list(p)]
    if isinstance(t, inspect.VarTupleType):
        item = _from_plain_of(t.item_type)
        return lambda p: tuple(item(x) for x in _as_list(p))
    if isinstance(t, inspect.DictType):
        key, item = _from_plain_of(t.key_type), _from_plain_of(t.value_type)
        if mark == _BY_SERVICE:
            return lambda p: {_as_str(_as_dict(k).get("Name")): item(x) for k, x in _as_dict(p).items()}
        return lambda p: {key(k): item(x) for k, x in _as_dict(p).items()}
    if isinstance(t, inspect.EnumType):
        return t.cls
    if type(t) in _SCALARS:
        return _SCALARS[type(t)].from_plain
    raise TypeError(f"gomsgpack knows no {type(t).__name__}")


def _may_be_unset(f: inspect.Field) -> bool:
    return not f.required and f.default is NODEFAULT and f.default_factory is NODEFAULT


def _zero_of(t: inspect.Type) -> Plain:
    """What Go writes for a field that is unset here."""
    t, optional = _optional(t)
    t, mark = _marker(t)
    if optional:
        return None
    if mark in _MARKED:
        return _MARKED[mark][0](UNSET)
    # Go omits no struct, only a nil pointer to one: an unset struct is nil, like an unset list or map.
    return _SCALARS[type(t)].zero if type(t) in _SCALARS else None


def _struct_of(t: inspect.Type) -> type[msgspec.Struct]:
    """The struct type of an optional field."""
    found = _optional(t)[0]
    assert isinstance(found, inspect.StructType)
    return found.cls


def _wire_fields(cls: type[msgspec.Struct]) -> list[tuple[str, inspect.Field]]:
    """The fields that msgpack carries, sorted bytewise by their Go names."""
    info = inspect.type_info(cls)
    assert isinstance(info, inspect.StructType)
    names: dict[str, str] = getattr(cls, "go_names", {})
    named = [(names.get(f.encode_name, f.encode_name), f) for f in info.fields]
    return sorted(((n, f) for n, f in named if n), key=lambda pair: pair[0].encode())


_encoders: dict[type, _Translate] = {}
_decoders: dict[type, _Translate] = {}


def _encoder_of(cls: type[Any]) -> _Translate:
    """The generated ``struct -> dict`` function of a struct type."""
    if cls not in _encoders:
        _encoders[cls] = lambda v: _encoders[cls](v)  # for types that contain themselves
        try:
            _encoders[cls] = _compile_encoder(cls)
        except BaseException:
            del _encoders[cls]
            raise
    return _encoders[cls]


def _compile_encoder(cls: type[msgspec.Struct]) -> _Translate:
    marshal: _Translate | None = getattr(cls, "go_marshal", None)
    return fields_encoder(cls) if marshal is None else marshal


def fields_encoder(cls: type[msgspec.Struct]) -> _Translate:
    """The function that gives a struct's fields as a dict, whether or not it marshals itself."""
    scope: dict[str, Any] = {"UNSET": UNSET}
    values: frozenset[str] = getattr(cls, "go_values", frozenset())
    items: list[str] = []
    for number, (go_name, f) in enumerate(_wire_fields(cls)):
        translate = _to_plain_of(f.type)
        value = f"o.{f.name}"
        if translate is not _same:
            scope[f"t{number}"] = translate
            value = f"t{number}({value})"
        if _may_be_unset(f):
            scope[f"z{number}"] = translate(_struct_of(f.type)()) if f.name in values else _zero_of(f.type)
            value = f"(z{number} if o.{f.name} is UNSET else {value})"
        items.append(f"{go_name!r}: {value}")
    return _generate(cls, "to_plain", "o", f"    return {{{', '.join(items)}}}\n", scope)


def _decoder_of(type_: Any) -> _Translate:
    """The function ``plain -> value`` of a declared type; generated for struct types."""
    try:
        if type_ in _decoders:
            return _decoders[type_]
    except TypeError:  # an unhashable annotation
        return _from_plain_of(inspect.type_info(type_))
    if not (isinstance(type_, type) and issubclass(type_, msgspec.Struct)):
        _decoders[type_] = _from_plain_of(inspect.type_info(type_))
        return _decoders[type_]
    _decoders[type_] = lambda p: _decoders[type_](p)
    try:
        _decoders[type_] = _compile_decoder(type_)
    except BaseException:
        del _decoders[type_]
        raise
    return _decoders[type_]


def _compile_decoder(cls: type[msgspec.Struct]) -> _Translate:
    unmarshal: _Translate | None = getattr(cls, "go_unmarshal", None)
    return fields_decoder(cls) if unmarshal is None else unmarshal


def fields_decoder(cls: type[msgspec.Struct]) -> _Translate:
    """The function that reads a struct from a dict of its fields, whether or not it unmarshals itself."""
    scope: dict[str, Any] = {"UNSET": UNSET, "cls": cls, "as_dict": _as_dict}
    body = ["    g = (p if p.__class__ is dict else as_dict(p)).get"]
    arguments: list[str] = []
    for number, (go_name, f) in enumerate(_wire_fields(cls)):
        body += _read_field(number, go_name, f, scope)
        arguments.append(f"{f.name}=v{number}")
    body.append(f"    return cls({', '.join(arguments)})")
    return _generate(cls, "from_plain", "p", "\n".join(body) + "\n", scope)


def _read_field(number: int, go_name: str, f: inspect.Field, scope: dict[str, Any]) -> list[str]:
    """Source lines that leave the field's value in ``v<number>``."""
    v = f"v{number}"
    t, mark = _marker(_optional(f.type)[0])
    scalar = None if mark in _MARKED else _SCALARS.get(type(t))
    ready = scalar.ready if scalar else ""
    translate = _from_plain_of(f.type)
    scope[f"t{number}"] = translate
    lookup = f"g({go_name!r})"
    if ready and f.default not in (NODEFAULT, None, "", 0, False):
        scope[f"d{number}"] = f.default  # a key that is missing is not a zero value
        lookup = f"g({go_name!r}, d{number})"
    lines = [f"    {v} = {lookup}"]
    if ready and _optional(f.type)[1]:
        lines.append(f"    if {v} is not None and {v}.__class__ is not {ready}: {v} = t{number}({v})")
    elif ready:
        lines.append(f"    if {v}.__class__ is not {ready}: {v} = t{number}({v})")
    elif translate is not _same:
        unless_nil = f"None if {v} is None else " if isinstance(t, inspect.StructType) and _may_be_unset(f) else ""
        lines.append(f"    {v} = {unless_nil}t{number}({v})")
    if _may_be_unset(f):
        if _optional(f.type)[1] and mark == "time":
            lines.append(f"    if {v} is None: {v} = UNSET")
        elif mark == "time":
            lines.append(f"    if {v} == '0001-01-01T00:00:00Z': {v} = UNSET")
        elif mark == "duration":
            lines.append(f"    if {v} == '0s': {v} = UNSET")
        elif ready and _optional(f.type)[1]:  # a pointer: what it points to may be zero
            lines.append(f"    if {v} is None: {v} = UNSET")
        else:
            lines.append(f"    {v} = {v} or UNSET")
    return lines


def _generate(cls: type, name: str, argument: str, body: str, scope: dict[str, Any]) -> _Translate:
    source = f"def {name}({argument}):\n{body}"
    exec(compile(source, f"<gomsgpack {name} of {cls.__qualname__}>", "exec"), scope)
    return cast("_Translate", scope[name])
