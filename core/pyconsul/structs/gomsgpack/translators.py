"""Structs to plain values and back, by a pair of functions generated once for every struct type.

They are generated as dataclasses generate theirs, because a log replay calls them a hundred thousand times. A type that
contains itself finds a forwarder under its own name while its function is being made.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import NODEFAULT, UNSET, inspect

from pyconsul.structs.gomsgpack.plain import MapKey, Plain
from pyconsul.structs.gomsgpack.scalars import MARKED, SCALARS, Translate, as_dict, as_list, as_str, same
from pyconsul.structs.wire import ZERO_TIME

T = TypeVar("T")
_BY_SERVICE: Final = "by-service"


def to_plain(value: object) -> Plain:
    """``value`` with every struct as a dict of sorted Go names, ready for `pack`."""
    if isinstance(value, msgspec.Struct):
        return encoder_of(type(value))(value)
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
    return cast("T", decoder_of(type_)(plain))


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


def _to_plain_of(t: inspect.Type) -> Translate:
    """The function that makes a set, non-nil value of this type plain; `same` where nothing is to do."""
    t, optional = _optional(t)
    if optional:
        inner = _to_plain_of(t)
        return same if inner is same else lambda v: None if v is None else inner(v)
    t, mark = _marker(t)
    if mark in MARKED:
        return MARKED[mark][0]
    if isinstance(t, inspect.StructType):
        return encoder_of(t.cls)
    if isinstance(t, inspect.ListType | inspect.VarTupleType):
        item = _to_plain_of(t.item_type)
        return same if item is same else lambda v: [item(x) for x in v]
    if isinstance(t, inspect.DictType):
        item = _to_plain_of(t.value_type)
        if mark == _BY_SERVICE:
            return lambda v: {MapKey(Name=k): item(x) for k, x in v.items()}
        return same if item is same else lambda v: {k: item(x) for k, x in v.items()}
    if isinstance(t, inspect.EnumType):
        return lambda v: v.value
    if type(t) in SCALARS:
        return SCALARS[type(t)].to_plain
    raise TypeError(f"gomsgpack knows no {type(t).__name__}")


def _from_plain_of(t: inspect.Type) -> Translate:
    """The function that reads this type; nil gives None for an optional type, else the zero value."""
    t, optional = _optional(t)
    if optional:
        inner = _from_plain_of(t)
        return same if inner is same else lambda p: None if p is None else inner(p)
    t, mark = _marker(t)
    if mark in MARKED:
        return MARKED[mark][1]
    if isinstance(t, inspect.StructType):
        return decoder_of(t.cls)
    if isinstance(t, inspect.ListType):
        item = _from_plain_of(t.item_type)
        return lambda p: [item(x) for x in as_list(p)]
    if isinstance(t, inspect.VarTupleType):
        item = _from_plain_of(t.item_type)
        return lambda p: tuple(item(x) for x in as_list(p))
    if isinstance(t, inspect.DictType):
        key, item = _from_plain_of(t.key_type), _from_plain_of(t.value_type)
        if mark == _BY_SERVICE:
            return lambda p: {as_str(as_dict(k).get("Name")): item(x) for k, x in as_dict(p).items()}
        return lambda p: {key(k): item(x) for k, x in as_dict(p).items()}
    if isinstance(t, inspect.EnumType):
        return t.cls
    if type(t) in SCALARS:
        return SCALARS[type(t)].from_plain
    raise TypeError(f"gomsgpack knows no {type(t).__name__}")


def _may_be_unset(f: inspect.Field) -> bool:
    return not f.required and f.default is NODEFAULT and f.default_factory is NODEFAULT


def _zero_of(t: inspect.Type) -> Plain:
    """What Go writes for a field that is unset here."""
    t, optional = _optional(t)
    t, mark = _marker(t)
    if optional:
        return None
    if mark in MARKED:
        return MARKED[mark][0](UNSET)
    # Go omits no struct, only a nil pointer to one: an unset struct is nil, like an unset list or map.
    return SCALARS[type(t)].zero if type(t) in SCALARS else None


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


# By type, for the life of the process: types are few, and those of a running program do not change.
_encoders: dict[type, Translate] = {}
_decoders: dict[type, Translate] = {}


def encoder_of(cls: type[Any]) -> Translate:
    """The generated ``struct -> dict`` function of a struct type."""
    return _encoders.get(cls) or _kept(_encoders, cls, _compile_encoder)


def _kept(kept: dict[type, Translate], cls: type[Any], compiled: Callable[[type[Any]], Translate]) -> Translate:
    """Compile a struct type's function and keep it."""
    kept[cls] = lambda value: kept[cls](value)  # for types that contain themselves
    try:
        kept[cls] = compiled(cls)
    except BaseException:
        del kept[cls]
        raise
    return kept[cls]


def _compile_encoder(cls: type[msgspec.Struct]) -> Translate:
    marshal: Translate | None = getattr(cls, "go_marshal", None)
    return fields_encoder(cls) if marshal is None else marshal


def fields_encoder(cls: type[msgspec.Struct]) -> Translate:
    """The function that gives a struct's fields as a dict, whether or not it marshals itself."""
    scope: dict[str, Any] = {"UNSET": UNSET}
    values: frozenset[str] = getattr(cls, "go_values", frozenset())
    items: list[str] = []
    for number, (go_name, f) in enumerate(_wire_fields(cls)):
        translate = _to_plain_of(f.type)
        value = f"o.{f.name}"
        if translate is not same:
            scope[f"t{number}"] = translate
            value = f"t{number}({value})"
        if _may_be_unset(f):
            scope[f"z{number}"] = translate(_struct_of(f.type)()) if f.name in values else _zero_of(f.type)
            value = f"(z{number} if o.{f.name} is UNSET else {value})"
        items.append(f"{go_name!r}: {value}")
    return _generate(cls, "to_plain", "o", f"    return {{{', '.join(items)}}}\n", scope)


def decoder_of(type_: Any) -> Translate:
    """The function ``plain -> value`` of a declared type; generated for struct types."""
    try:
        if type_ in _decoders:
            return _decoders[type_]
    except TypeError:  # an unhashable annotation
        return _from_plain_of(inspect.type_info(type_))
    if not (isinstance(type_, type) and issubclass(type_, msgspec.Struct)):
        _decoders[type_] = _from_plain_of(inspect.type_info(type_))
        return _decoders[type_]
    return _kept(_decoders, type_, _compile_decoder)


def _compile_decoder(cls: type[msgspec.Struct]) -> Translate:
    unmarshal: Translate | None = getattr(cls, "go_unmarshal", None)
    return fields_decoder(cls) if unmarshal is None else unmarshal


def fields_decoder(cls: type[msgspec.Struct]) -> Translate:
    """The function that reads a struct from a dict of its fields, whether or not it unmarshals itself."""
    scope: dict[str, Any] = {"UNSET": UNSET, "cls": cls, "as_dict": as_dict}
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
    inner, optional = _optional(f.type)
    t, mark = _marker(inner)
    scalar = None if mark in MARKED else SCALARS.get(type(t))
    ready = scalar.ready if scalar else ""
    translate = _from_plain_of(f.type)
    scope[f"t{number}"] = translate
    lookup = f"g({go_name!r})"
    if ready and f.default not in (NODEFAULT, None, "", 0, False):
        scope[f"d{number}"] = f.default  # a key that is missing is not a zero value
        lookup = f"g({go_name!r}, d{number})"
    lines = [f"    {v} = {lookup}"]
    # What msgpack gives in the right class already, as it does nearly always, is spared the call.
    if ready and optional:
        lines.append(f"    if {v} is not None and {v}.__class__ is not {ready}: {v} = t{number}({v})")
    elif ready:
        lines.append(f"    if {v}.__class__ is not {ready}: {v} = t{number}({v})")
    elif translate is not same:
        unless_nil = f"None if {v} is None else " if isinstance(t, inspect.StructType) and _may_be_unset(f) else ""
        lines.append(f"    {v} = {unless_nil}t{number}({v})")
    if _may_be_unset(f):
        lines.append(f"    {_zero_to_unset(v, mark, is_pointer=optional and (bool(ready) or mark == 'time'))}")
    return lines


def _zero_to_unset(v: str, mark: object, *, is_pointer: bool) -> str:
    """The statement that makes Go's zero UNSET.

    A pointer's zero is nil alone: what it points to may be zero.
    """
    if is_pointer:
        return f"if {v} is None: {v} = UNSET"
    if mark == "time":
        return f"if {v} == {ZERO_TIME!r}: {v} = UNSET"
    return f"if {v} == '0s': {v} = UNSET" if mark == "duration" else f"{v} = {v} or UNSET"


def _generate(cls: type, name: str, argument: str, body: str, scope: dict[str, Any]) -> Translate:
    source = f"def {name}({argument}):\n{body}"
    exec(compile(source, f"<gomsgpack {name} of {cls.__qualname__}>", "exec"), scope)
    return cast("Translate", scope[name])
