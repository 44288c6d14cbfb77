"""JSON bodies into structs as Go's ``encoding/json`` does it, with its errors.

Keys match in any letter case, the last of two wins, ``null`` leaves the default, unknown keys are refused where the
caller is strict, and a wrong type is named as ``json: cannot unmarshal string into Go struct field …``.
"""

import types
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any, Self, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, UnsetType

from pyconsul.lang.gojson_syntax import TOO_DEEP, GoSyntaxError, first_value, syntax_error
from pyconsul.lang.gojson_values import HugeNumber, huge
from pyconsul.lang.strconv import quote
from pyconsul.primitives import base64_text
from pyconsul.primitives.durations import from_number, parse_duration
from pyconsul.primitives.untyped import Parsed, is_dict, is_list

S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")
R = TypeVar("R")

_JSON = msgspec.json.Decoder()
_INDEXES = ("CreateIndex", "ModifyIndex")  # of every row: the API's structs have them, all others embed RaftIndex


class DecodeError(ValueError):
    """The JSON does not fit the struct; the text is Go's."""


class _Refusal(DecodeError):
    """What a decoder of its own says of a value inside another: Go stops there, whatever was wrong before."""


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
    """``data`` as one JSON value with nothing behind it, as ``json.Unmarshal`` takes a file.

    Raises GoSyntaxError.
    """
    reason = syntax_error(data)
    if reason is not None:
        raise GoSyntaxError(reason)
    return parse(data)


def take(value: Any, *names: str) -> tuple[Any, Any]:
    """``value`` without the member of one of these names, in any letter case, and that member or None."""
    if not is_dict(value):
        return value, None
    lower = {name.lower() for name in names}
    taken: Any = None
    rest: dict[str, Any] = {}
    for key, member in value.items():
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

    Of several faults the first one is told, as Go goes on reading; but what a type with a decoder of its own refuses
    ends all at once.

    A struct may say how Go calls it and its fields' types: class variables ``go_type`` (``structs.Session``) and
    ``go_field_types`` (field → Go type); others are derived from the annotations. ``go_embedded`` is the name of the
    alias behind which a type with a decoder of its own hides its fields, ``go_parents`` (field → names with dots) are
    other embedded structs that fields belong to. ``go_beside`` (name → type) is what such a decoder reads and drops,
    ``go_holder`` the struct that its errors name inside another one, ``go_lax`` that it takes unknown fields.
    """
    if value is None:
        return kind() if default is None else default
    if not is_dict(value):
        raise DecodeError(wrong_value(value, go_type(kind)))
    decoder = _Decoder(strict=strict)
    return decoder.whole(value, kind, default, ())


def into_list(value: Any, kind: type[S], go_type_name: str) -> list[S]:
    """Structs from a parsed JSON list that Go reads into a type of that name.

    Raises DecodeError with Go's text.
    """
    if value is None:
        return []
    if not is_list(value):
        raise DecodeError(wrong_value(value, go_type_name))
    return _Decoder(strict=True).whole_list(value, kind)


class ReadableDuration(int):
    """Nanoseconds as Consul's ``api.ReadableDuration`` takes them: duration text or a number."""

    __slots__ = ()

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Raises ValueError with Go's text."""
        if isinstance(value, str):
            return cls(parse_duration(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return cls(from_number(value))
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
def _beside(kind: type[msgspec.Struct]) -> dict[str, tuple[str, Any]]:
    declared: dict[str, Any] = getattr(kind, "go_beside", {})
    return {name.lower(): (name, annotation) for name, annotation in declared.items()}


@cache
def _reads_null(annotation: Any) -> bool:
    """Whether Go calls the type's own decoder for a null, too: where the field is no pointer."""
    return _plain(annotation) is ReadableDuration and type(None) not in get_args(annotation)


@cache
def _can_be_null(annotation: Any) -> bool:
    return get_origin(_plain(annotation)) in (list, dict) or type(None) in get_args(annotation)


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, tuple[str, Any]]:
    hints = msgspec.structs.fields(kind)
    return {f.encode_name.lower(): (f.name, f.type) for f in hints}


class _Decoder:
    """One run over a value: keeps the first fault and goes on, with zeros for what does not fit."""

    __slots__ = ("_first", "_strict")

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._first: DecodeError | None = None

    def whole(self, value: dict[str, Any], kind: type[S], default: S | None, path: tuple[str, ...]) -> S:
        """The struct. Raises the first fault, or ValueError where the type itself refuses what it was given."""
        found = self._found(value, kind, default, path)
        if self._first is not None:
            raise self._first
        return kind(**found) if default is None else msgspec.structs.replace(default, **found)

    def whole_list(self, items: list[Any], kind: type[S]) -> list[S]:
        """The structs of a list, an empty one for each null. Raises the first fault."""
        found: list[S] = self._list(items, kind, list[kind], _Where(kind, (), None))
        if self._first is not None:
            raise self._first
        return found

    def _note(self, fault: DecodeError, annotation: Any) -> Any:
        """Keep the fault if it is the first; the zero of the type, to go on with."""
        self._first = self._first or fault
        return _zero(annotation)

    def _found(
        self, value: dict[str, Any], kind: type[msgspec.Struct], default: msgspec.Struct | None, path: tuple[str, ...]
    ) -> dict[str, Any]:
        """What a struct's fields are given."""
        fields, beside = _fields(kind), _beside(kind)
        found: dict[str, Any] = {}
        for key, member in value.items():
            field = fields.get(key.lower())
            if key.lower() in beside:
                name, annotation = beside[key.lower()]
                if member is not None:
                    self._member(member, annotation, _Where(kind, (*path, name), None))
            elif field is None:
                if self._strict:
                    self._note(DecodeError(f'json: unknown field "{key}"'), None)
            elif member is not None or _reads_null(field[1]):
                read = self._member(member, field[1], _place(kind, field[0], path))
                found[field[0]] = UNSET if _leaves_out(field[1], read) else read
            elif default is not None and _can_be_null(field[1]):  # to Go's scalars and structs a null says nothing
                found[field[0]] = None
        return found

    def _member(self, value: Any, annotation: Any, where: "_Where") -> Any:
        kind = _plain(annotation)
        if kind is Any:
            self._refuse_huge(value, where)
            return value
        if issubclass(origin := get_origin(kind) or kind, ReadableDuration):
            return _own(origin.from_json, value)
        if issubclass(origin, msgspec.Struct):
            return self._struct(value, origin, annotation, where)
        if origin is list:
            return self._list(value, get_args(kind)[0], annotation, where)
        if origin is not dict:
            return self._scalar(value, kind, annotation, where)
        if not is_dict(value):
            return self._note(where.wrong(value, annotation), annotation)
        inner = get_args(kind)[1]
        return {k: _zero(inner) if v is None else self._member(v, inner, _inner(where)) for k, v in value.items()}

    def _struct(self, value: Any, kind: type[msgspec.Struct], annotation: Any, where: "_Where") -> Any:
        if not hasattr(kind, "go_embedded"):
            if not is_dict(value):
                return self._note(where.wrong(value, annotation), annotation)
            return kind(**self._found(value, kind, None, where.path))
        if not is_dict(value):
            raise _Refusal(str(where.wrong(value, annotation)))
        decoder = _Decoder(strict=not getattr(kind, "go_lax", False))
        return _own(lambda given: decoder.whole(given, kind, None, where.path), value)

    def _list(self, value: Any, inner: Any, annotation: Any, where: "_Where") -> Any:
        if not is_list(value):
            return self._note(where.wrong(value, annotation), annotation)
        if inner is str and {*map(type, value)} == {str}:  # a million of them would hold everybody up for two seconds
            return value
        return [_zero(inner) if item is None else self._member(item, inner, _inner(where)) for item in value]

    def _refuse_huge(self, value: Parsed, where: "_Where") -> None:
        """Take note where untyped JSON, however deep, holds a number that no float does."""
        waiting: list[Parsed] = [value]
        while waiting:
            item = waiting.pop()
            if isinstance(item, int | float):
                if too_large := huge(item):
                    self._note(_Where(where.kind, where.path, "float64").wrong(too_large, float), float)
            elif isinstance(item, dict):
                waiting.extend(reversed(item.values()))
            elif isinstance(item, list):
                waiting.extend(reversed(item))

    def _scalar(self, value: Any, kind: Any, annotation: Any, where: "_Where") -> Any:
        if kind is bytes:
            return self._bytes(value, annotation, where)
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
            return self._note(where.wrong(value, annotation), annotation)
        if kind is not float:
            return value
        try:
            return float(value)
        except OverflowError:
            return self._note(where.wrong(HugeNumber(str(value)), annotation), annotation)

    def _bytes(self, value: Any, annotation: Any, where: "_Where") -> bytes:
        """Bytes as base64 text; Go takes a list of numbers, too."""
        if is_list(value):
            byte = _Where(where.kind, where.path, "uint8")
            return bytes(0 if item is None else self._scalar(item, int, int, byte) for item in value)
        if not isinstance(value, str):
            self._note(where.wrong(value, annotation), annotation)
            return b""
        try:
            return base64_text.decode(value.encode("utf-8", "surrogateescape"))
        except base64_text.IllegalBase64 as error:
            self._note(DecodeError(str(error)), annotation)
            return b""


def _own(decode: Callable[[T], R], value: T) -> R:
    """What a type with a decoder of its own reads. Raises _Refusal, behind which Go reads no further."""
    try:
        return decode(value)
    except ValueError as error:
        raise _Refusal(str(error)) from error


def _leaves_out(annotation: Any, value: Any) -> bool:
    """Whether it is the zero of a field marked ``omitempty``; a pointer's or struct's shows all the same."""
    return not value and _omits_zeros(annotation) and not isinstance(value, msgspec.Struct)


@cache
def _omits_zeros(annotation: Any) -> bool:
    kinds = get_args(annotation)
    return UnsetType in kinds and type(None) not in kinds


def _place(kind: type[msgspec.Struct], name: str, path: tuple[str, ...]) -> "_Where":
    """Where a field of ``kind`` stands.

    ``path`` is where the struct does; embedded structs of Go lie between.
    """
    parents: dict[str, str] = getattr(kind, "go_parents", {})
    if parent := parents.get(name, getattr(kind, "go_embedded", "")):
        path = (*path, *parent.split("."))
    go_types: dict[str, str] = getattr(kind, "go_field_types", {})
    if name not in _INDEXES:
        return _Where(kind, (*path, name), go_types.get(name))
    return _Where(kind, (*path, name) if go_type(kind).startswith("api.") else (*path, "RaftIndex", name), "uint64")


class _Where:
    """The place of a member, for error texts: innermost struct and the path of fields to it."""

    __slots__ = ("go_type", "kind", "path")

    def __init__(self, kind: type[msgspec.Struct], path: tuple[str, ...], go_type_name: str | None) -> None:
        self.kind = kind
        self.path = path
        self.go_type = go_type_name

    def wrong(self, value: Any, annotation: Any) -> DecodeError:
        expected = self.go_type or go_type(annotation)
        if not self.path:
            return DecodeError(wrong_value(value, expected))
        hidden = hasattr(self.kind, "go_embedded")
        struct = getattr(self.kind, "go_holder", "") if hidden else go_type(self.kind).rpartition(".")[2]
        path = ".".join(self.path)
        got = _json_kind(value)
        if got == "number" and (_plain(annotation) is int or isinstance(value, HugeNumber)):
            got = f"number {value}"
        return DecodeError(f"json: cannot unmarshal {got} into Go struct field {struct}.{path} of type {expected}")


def _inner(where: _Where) -> _Where:
    """The place of an element of a list or map."""
    return _Where(where.kind, where.path, (where.go_type or "").partition("]")[2].removeprefix("*") or None)


def _in_range(value: int, go_type_name: str) -> bool:
    """Whether Go's integer type of that name holds the value; most are 64 bits wide."""
    signed = not go_type_name.startswith("uint")
    digits = go_type_name.removeprefix("u").removeprefix("int")
    limit = 1 << ((int(digits) if digits.isdecimal() else 64) - signed)
    return (-limit if signed else 0) <= value < limit


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
