"""JSON bodies into structs as Go's ``encoding/json`` does it, with its errors.

Keys match in any letter case, the last of two wins, ``null`` leaves the default, unknown keys are refused where the
caller is strict, and a wrong type is named as ``json: cannot unmarshal string into Go struct field …``.
"""

import types
from functools import cache
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType

from pyconsul.lang.gojson_syntax import TOO_DEEP, GoSyntaxError, first_value, syntax_error
from pyconsul.lang.gojson_values import HugeNumber
from pyconsul.lang.strconv import quote
from pyconsul.primitives import base64_text
from pyconsul.primitives.durations import from_number, parse_duration

S = TypeVar("S", bound=msgspec.Struct)

_JSON = msgspec.json.Decoder()
_INDEXES = ("CreateIndex", "ModifyIndex")  # of every row: the API's structs have them, all others embed RaftIndex


class DecodeError(ValueError):
    """The JSON does not fit the struct; the text is Go's."""


def parse(data: bytes) -> Any:
    """The first JSON value of ``data``. Raises GoSyntaxError with Go's text."""
    try:
        return _JSON.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return first_value(data)
        except RecursionError as error:
            raise GoSyntaxError(TOO_DEEP) from error


def parse_whole(data: bytes) -> Any:
    """``data`` as one JSON value with nothing behind it, as ``json.Unmarshal`` takes a file. Raises GoSyntaxError."""
    reason = syntax_error(data)
    if reason is not None:
        raise GoSyntaxError(reason)
    return parse(data)


def take(value: Any, *names: str) -> tuple[Any, Any]:
    """``value`` without the member of one of these names (any letter case), and that member; None without it."""
    if not isinstance(value, dict):
        return value, None
    lower = {name.lower() for name in names}
    taken: Any = None
    rest: dict[str, Any] = {}
    for key, member in cast("dict[str, Any]", value).items():
        if key.lower() in lower:
            taken = member
        else:
            rest[key] = member
    return rest, taken


def enterprise_hint(text: str) -> str:
    """Consul's addition to an unknown ``Namespace`` field."""
    if text.endswith('json: unknown field "Namespace"'):
        return f"{text} - Namespaces are a Consul Enterprise feature"
    return text


def into(value: Any, kind: type[S], *, default: S | None = None, strict: bool = True) -> S:
    """A struct from parsed JSON, over ``default`` where one is given. Raises DecodeError with Go's text.

    A struct may say how Go calls it and its fields' types: class variables ``go_type`` (``structs.Session``) and
    ``go_field_types`` (field → Go type); others are derived from the annotations. ``go_embedded`` is the name of the
    alias behind which a type with a decoder of its own hides its fields, ``go_holder`` the struct that such a type's
    errors name instead.
    """
    if value is None:
        return kind() if default is None else default
    if not isinstance(value, dict):
        raise DecodeError(wrong_value(value, go_type(kind)))
    return _struct(cast("dict[str, Any]", value), kind, default, strict, ())


def member(value: Any, kind: type[S], holder: type[msgspec.Struct], path: str, *, strict: bool = True) -> S:
    """As ``into``, for an object that stands at ``path`` (with dots) of a body, as a field of ``holder``."""
    if value is None:
        return kind()
    steps = tuple(path.split("."))
    if not isinstance(value, dict):
        raise _Where(holder, steps, None).wrong(value, kind)
    return _struct(cast("dict[str, Any]", value), kind, None, strict, steps)


def readable_duration(value: Any) -> int:
    """Nanoseconds as Consul's ``api.ReadableDuration`` takes them: duration text or a number. Raises ValueError."""
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return from_number(value)
    raise DecodeError(f"strconv.ParseFloat: parsing {quote(msgspec.json.encode(value).decode())}: invalid syntax")


def wrong_value(value: Any, go_type_name: str) -> str:
    """Go's text for a whole value of the wrong kind."""
    return f"json: cannot unmarshal {_json_kind(value)} into Go value of type {go_type_name}"


def go_type(kind: Any) -> str:
    """How Go's error texts call a type."""
    kind, origin = _plain(kind), get_origin(_plain(kind))
    if origin is list:
        return f"[]{go_type(get_args(kind)[0])}"
    if origin is dict:
        key, member = get_args(kind)
        return f"map[{go_type(key)}]{go_type(member)}"
    named = {str: "string", int: "int", bool: "bool", float: "float64", bytes: "[]uint8", Any: "interface {}"}
    if kind in named:
        return named[kind]
    return str(getattr(kind, "go_type", f"structs.{getattr(kind, '__name__', kind)}"))


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, tuple[str, Any]]:
    hints = msgspec.structs.fields(kind)
    return {f.encode_name.lower(): (f.name, f.type) for f in hints}


def _struct(value: dict[str, Any], kind: type[S], default: S | None, strict: bool, path: tuple[str, ...]) -> S:
    fields = _fields(kind)
    found: dict[str, Any] = {}
    for key, member in value.items():
        field = fields.get(key.lower())
        if field is None:
            if strict:
                raise DecodeError(f'json: unknown field "{key}"')
            continue
        name, annotation = field
        if member is None:
            if default is not None and get_origin(_plain(annotation)) in (list, dict):
                found[name] = None
            continue
        read = _member(member, annotation, _place(kind, name, path), strict)
        found[name] = UNSET if _leaves_out(annotation, read) else read
    if default is None:
        return kind(**found)
    return msgspec.structs.replace(default, **found)


def _leaves_out(annotation: Any, value: Any) -> bool:
    """Whether it is the zero value of a field marked ``omitempty``; a pointer's or a struct's shows all the same."""
    return not value and _omits_zeros(annotation) and not isinstance(value, msgspec.Struct)


@cache
def _omits_zeros(annotation: Any) -> bool:
    kinds = get_args(annotation)
    return UnsetType in kinds and type(None) not in kinds


def _place(kind: type[msgspec.Struct], name: str, path: tuple[str, ...]) -> "_Where":
    """Where a field of ``kind`` stands, ``path`` being where the struct does; embedded structs of Go lie between."""
    go_types: dict[str, str] = getattr(kind, "go_field_types", {})
    alias: str = getattr(kind, "go_embedded", "")
    steps = (*path, alias, name) if alias else (*path, name)
    if name not in _INDEXES:
        return _Where(kind, steps, go_types.get(name))
    embedded = not go_type(kind).startswith("api.")
    return _Where(kind, (*steps[:-1], "RaftIndex", name) if embedded else steps, "uint64")


class _Where:
    """The place of a member, for error texts: innermost struct and the path of fields to it."""

    __slots__ = ("go_type", "kind", "path")

    def __init__(self, kind: type[msgspec.Struct], path: tuple[str, ...], go_type_name: str | None) -> None:
        self.kind = kind
        self.path = path
        self.go_type = go_type_name

    def wrong(self, value: Any, annotation: Any) -> DecodeError:
        hidden = hasattr(self.kind, "go_embedded")
        struct = getattr(self.kind, "go_holder", "") if hidden else go_type(self.kind).rpartition(".")[2]
        path = ".".join(self.path)
        expected = self.go_type or go_type(annotation)
        got = _json_kind(value)
        if got == "number" and (_plain(annotation) is int or isinstance(value, HugeNumber)):
            got = f"number {value}"
        return DecodeError(f"json: cannot unmarshal {got} into Go struct field {struct}.{path} of type {expected}")


def _member(value: Any, annotation: Any, where: _Where, strict: bool) -> Any:
    kind = _plain(annotation)
    if kind is Any:
        return value
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if not isinstance(value, dict):
            raise where.wrong(value, annotation)
        return _struct(cast("dict[str, Any]", value), kind, None, strict, where.path)
    origin = get_origin(kind)
    if origin is list:
        if not isinstance(value, list):
            raise where.wrong(value, annotation)
        inner = get_args(kind)[0]
        items = cast("list[Any]", value)
        if inner is str and {*map(type, items)} == {str}:  # a million of them would hold everybody up for two seconds
            return items
        return [_zero(inner) if item is None else _member(item, inner, _inner(where), strict) for item in items]
    if origin is dict:
        if not isinstance(value, dict):
            raise where.wrong(value, annotation)
        inner = get_args(kind)[1]
        if inner is Any:
            _refuse_huge(value, where)
        members = cast("dict[str, Any]", value).items()
        return {k: _zero(inner) if v is None else _member(v, inner, _inner(where), strict) for k, v in members}
    return _scalar(value, kind, annotation, where)


def _refuse_huge(value: Any, where: _Where) -> None:
    """Raise DecodeError where a map of untyped JSON holds a number that no float does."""
    if isinstance(value, HugeNumber):
        raise _Where(where.kind, where.path, "float64").wrong(value, float)
    if isinstance(value, dict):
        for member in cast("dict[str, Any]", value).values():
            _refuse_huge(member, where)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            _refuse_huge(item, where)


def _inner(where: _Where) -> _Where:
    """The place of an element of a list or map."""
    return _Where(where.kind, where.path, (where.go_type or "").partition("]")[2].removeprefix("*") or None)


def _scalar(value: Any, kind: Any, annotation: Any, where: _Where) -> Any:
    if kind is bytes:
        return _bytes(value, annotation, where)
    if kind is bool:
        fits = isinstance(value, bool)
    elif kind is int:
        fits = isinstance(value, int) and not isinstance(value, bool)
        fits = fits and _in_range(value, where.go_type or "")
    elif kind is float:
        fits = isinstance(value, int | float) and not isinstance(value, bool | HugeNumber)
    else:
        fits = isinstance(value, str)
    if not fits:
        raise where.wrong(value, annotation)
    if kind is not float:
        return value
    try:
        return float(value)
    except OverflowError:
        raise where.wrong(value, annotation) from None


def _in_range(value: int, go_type_name: str) -> bool:
    """Whether Go's integer type of that name holds the value; most are 64 bits wide."""
    signed = not go_type_name.startswith("uint")
    digits = go_type_name.removeprefix("u").removeprefix("int")
    limit = 1 << ((int(digits) if digits.isdecimal() else 64) - signed)
    return (-limit if signed else 0) <= value < limit


def _bytes(value: Any, annotation: Any, where: _Where) -> bytes:
    """Bytes as base64 text; Go takes a list of numbers, too."""
    if isinstance(value, list):
        byte = _Where(where.kind, where.path, "uint8")
        items = cast("list[Any]", value)
        return bytes(0 if item is None else _scalar(item, int, int, byte) for item in items)
    if not isinstance(value, str):
        raise where.wrong(value, annotation)
    try:
        return base64_text.decode(value.encode("utf-8", "surrogateescape"))
    except base64_text.IllegalBase64 as error:
        raise DecodeError(str(error)) from error


def _zero(annotation: Any) -> Any:
    kind = _plain(annotation)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind()
    zeros: dict[Any, Any] = {str: "", int: 0, bool: False, float: 0.0}
    return zeros.get(kind)


@cache
def _plain(annotation: Any) -> Any:
    """The type behind markers, ``| None`` and ``| UnsetType``."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [a for a in get_args(annotation) if a not in (type(None), UnsetType, UNSET)]
        return _plain(kinds[0]) if len(kinds) == 1 else Any
    return annotation


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, int | float):
        return "number"
    return "array" if isinstance(value, list) else "object"
