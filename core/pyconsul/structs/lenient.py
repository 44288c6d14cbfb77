"""Loose input made canonical: JSON as Go's decoder takes it, and configuration blocks as Consul's builder takes them.

A ``Shape`` declares the fields of one Go struct. ``from_json`` matches keys in any letter case and knows the snake_case
twins that Consul takes beside them; ``from_config`` matches snake_case keys and converts between texts, numbers and
booleans. Both give plain dicts under Go's field names, with absent fields absent. Unknown keys are errors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Final

import msgspec

from pyconsul.lang.gojson_values import HugeNumber
from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import DurationError, from_number, parse_duration
from pyconsul.primitives.untyped import Parsed, is_dict, is_list, is_list_or_tuple
from pyconsul.structs.nesting import is_too_deep, too_deep

__all__ = [
    "BOOL",
    "DURATION",
    "HEADERS",
    "INT",
    "OPAQUE",
    "STRING",
    "STRINGS",
    "STRING_MAP",
    "UINT",
    "UINT64",
    "DecodeError",
    "Kind",
    "ListOf",
    "MapOf",
    "Refusal",
    "Shape",
    "from_config",
    "from_json",
    "go_numbers",
    "json_only",
    "mismatch",
    "named_string",
]


class DecodeError(ValueError):
    """The input does not fit its type; the text is what Consul says after ``Request decode failed: ``."""


class Refusal(DecodeError):
    """What a decoder of its own says of a struct inside another: Go stops there, whatever was wrong before."""


class _BadDuration(DecodeError):
    """Durations are read when all else was."""


class Kind(msgspec.Struct, frozen=True):
    """A scalar type: its Go name, and how a JSON or configuration value becomes ours."""

    go: str
    json: Callable[[Any, str], Any]
    config: Callable[[Any, str], Any]


class ListOf(msgspec.Struct, frozen=True):
    """A list of structs; null elements are refused, for Go would trip over them, but where they are ``plain``.

    ``go`` is the name of the list's own Go type, where it has one.
    """

    shape: Shape
    go: str = ""
    plain: bool = False


class MapOf(msgspec.Struct, frozen=True):
    """A map from text to a struct."""

    shape: Shape


Type = Kind | ListOf | MapOf | Any  # Any stands for Shape, which is declared below


class Shape(msgspec.Struct, frozen=True, dict=True):
    """One Go struct. ``snake``: extra JSON key -> field. ``ignored``: JSON keys that are taken and dropped.

    ``config``: configuration key -> field, where configuration takes the struct at all; ``config_aliases`` are other
    spellings of those keys, in lower case; ``config_only`` fields have no JSON key. ``lax`` shapes ignore unknown ones.
    ``wrapped`` shapes are read through an anonymous struct in Go, which shows in error texts; ``go`` is its type.
    ``embedded``: field -> the Go struct inside this one that it is a field of; that shows in error texts, too.
    """

    name: str
    fields: Mapping[str, Type]
    snake: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    ignored: Mapping[str, Type] = msgspec.field(default_factory=dict[str, Type])
    embedded: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    config: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    config_aliases: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    config_only: frozenset[str] = frozenset()
    lax: bool = False
    wrapped: bool = False
    go: str = ""
    package: str = "structs"

    @property
    def go_type(self) -> str:
        """How Go's error texts call what the struct is read into."""
        if self.go or not self.wrapped:
            return self.go or f"{self.package}.{self.name}"
        twins = (f'{name}Snake {go_name(self.fields[name])} "json:\\"{key}\\""' for key, name in self.snake.items())
        return f"struct {{ {'; '.join((*twins, '*structs.Alias'))} }}"

    @cached_property
    def by_json_key(self) -> dict[str, Key]:
        """What stands behind each JSON key; the keys are in lower case."""
        alias = "Alias." if self.wrapped else ""
        found: dict[str, Key] = {}
        for name, kind in self.fields.items():
            if name not in self.config_only:
                part = f"{self.embedded[name]}." if name in self.embedded else ""
                found[name.lower()] = Key(name, kind, f"{alias}{part}{name}")
        for key, name in self.snake.items():
            found.setdefault(key, Key(name, self.fields[name], key, is_twin=True))
        found.update({name.lower(): Key("", kind, name) for name, kind in self.ignored.items()})
        return found


class Key(msgspec.Struct, frozen=True):
    """A JSON key: the ``field`` that it fills ("": none), its type, and how error texts call it inside the struct."""

    field: str
    type: Type
    shown: str
    is_twin: bool = False


def go_name(kind: Type) -> str:
    """How Go calls a type."""
    if isinstance(kind, Kind):
        return kind.go
    if isinstance(kind, Shape):
        return f"{kind.package}.{kind.name}"
    return kind.go or f"[]{go_name(kind.shape)}" if isinstance(kind, ListOf) else f"map[string]{go_name(kind.shape)}"


def from_json(shape: Shape, value: Any) -> dict[str, Any]:
    """``value`` (parsed JSON) as a dict under the field names of ``shape``; null is an empty struct.

    A snake_case twin counts only where the plain spelling is missing or zero. Raises DecodeError.
    """
    return _json_struct(shape, value, "")


def _json_struct(shape: Shape, value: Any, path: str, *, own: bool = False) -> dict[str, Any]:
    """``path`` is where the struct stands: a struct around it, and the fields from there down to it.

    Which struct that is: the innermost, but outside of all that have a decoder of their own (``own``: of one of them).
    """
    if value is None:
        return {}
    if not (shape.wrapped and path):
        return _json_fields(shape, value, path, own=own)
    try:
        return _json_fields(shape, value, path, own=own)
    except DecodeError as error:
        raise Refusal(str(error)) from None


def _json_fields(shape: Shape, value: Any, path: str, *, own: bool) -> dict[str, Any]:
    if not is_dict(value):
        raise mismatch(value, path, shape.go_type)
    struct, _, outer = path.partition(".")
    own = own or (shape.wrapped and bool(path))
    if not own:
        struct = "" if shape.wrapped else shape.name
    inside = f"{struct}.{outer}." if outer else f"{struct}."
    given: dict[str, Any] = {}
    twins: dict[str, Any] = {}
    faults = _Faults(shape.fields)
    for key, item in value.items():
        found = shape.by_json_key.get(key.lower())
        if found is None:
            if not shape.lax:
                faults.add(DecodeError(f'json: unknown field "{key}"'))
            continue
        if item is None:
            continue
        try:
            checked = _json_value(found.type, item, inside + found.shown, own=own)
        except DecodeError as error:
            faults.add(error, found.field)
            continue
        if found.field:
            (twins if found.is_twin else given)[found.field] = checked
    faults.tell()
    for name, item in twins.items():
        given[name] = _merged(given.get(name), item)
    return given


class _Faults:
    """What is wrong with one value: the first fault counts, as in Go; bad durations come last, in the fields' order."""

    def __init__(self, fields: Iterable[str] = ()) -> None:
        self._fields = fields
        self._first: DecodeError | None = None
        self._durations: list[tuple[int, _BadDuration]] = []

    def add(self, error: DecodeError, field: str = "") -> None:
        """Take note and go on, but not behind a refusal: raises that at once."""
        if isinstance(error, Refusal):
            raise error
        if isinstance(error, _BadDuration):
            self._durations.append(([*self._fields, field].index(field), error))
        else:
            self._first = self._first or error

    def tell(self) -> None:
        """Raise the one that counts, if there is any."""
        if self._first is not None:
            raise self._first
        if self._durations:
            raise min(self._durations, key=lambda each: each[0])[1]


def _merged(plain: Any, twin: Any) -> Any:
    """What Go's types make of a field and its snake_case twin: the plain one wins where it is not zero."""
    if is_dict(plain) and is_dict(twin):
        return twin | {k: v for k, v in plain.items() if v or k not in twin}
    return plain or twin


def _json_value(kind: Type, value: Any, path: str, *, own: bool) -> Any:
    if isinstance(kind, Kind):
        return kind.json(value, path)
    if isinstance(kind, Shape):
        return _json_struct(kind, value, path, own=own)
    if isinstance(kind, ListOf):
        if not is_list(value):
            raise mismatch(value, path, go_name(kind))
        if None in value and not kind.plain:
            raise DecodeError(f"json: null in the list {path.rpartition('.')[2]}")
        return list(_json_structs(kind.shape, enumerate(value), path, own=own).values())
    if not is_dict(value):
        raise mismatch(value, path, go_name(kind))
    return _json_structs(kind.shape, value.items(), path, own=own)


def _json_structs(
    shape: Shape, members: Iterable[tuple[Any, Any]], path: str, *, own: bool
) -> dict[Any, dict[str, Any]]:
    found: dict[Any, dict[str, Any]] = {}
    faults = _Faults()
    for key, member in members:
        try:
            found[key] = _json_struct(shape, member, path, own=own)
        except DecodeError as error:
            faults.add(error)
    faults.tell()
    return found


_JSON_KINDS: Final[dict[type, str]] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "bool",
    int: "number",
    float: "number",
}


def mismatch(value: object, path: str, go: str) -> DecodeError:
    """Go's text for a value of the wrong kind at a place; for kinds of one's own."""
    what = "number" if isinstance(value, HugeNumber) else _JSON_KINDS.get(type(value), "null")
    if isinstance(value, HugeNumber) or (what == "number" and go in ("int", "uint", "uint64")):
        what = f"number {value}"
    place = f"Go struct field {path} of type {go}" if path else f"Go value of type {go}"
    return DecodeError(f"json: cannot unmarshal {what} into {place}")


def from_config(shape: Shape, value: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """A configuration block as a dict under the field names of ``shape``.

    ``path`` is where the block stands, for errors. Raises DecodeError for unknown keys and values that do not convert.
    """
    given: dict[str, Any] = {}
    for key, item in value.items():
        low = key.lower()
        name = shape.config.get(shape.config_aliases.get(low, low))
        if name is None:
            raise DecodeError(f"invalid config key {path}.{key}" if path else f"invalid config key {key}")
        if item is not None:
            given[name] = _config_value(shape.fields[name], item, f"{path}.{low}" if path else low)
    return given


def _config_value(kind: Type, value: Any, path: str) -> Any:
    if isinstance(kind, Kind):
        return kind.config(value, path)
    if isinstance(kind, Shape):
        return from_config(kind, _block(value, path), path)
    if isinstance(kind, ListOf):
        items = value if is_list_or_tuple(value) else [value]
        return [from_config(kind.shape, _block(v, path), f"{path}[{n}]") for n, v in enumerate(items)]
    return {k: from_config(kind.shape, _block(v, path), f"{path}[{k}]") for k, v in _block(value, path).items()}


def _block(value: Any, path: str) -> dict[str, Any]:
    """One block; HCL gives a block as a list of one."""
    if is_list_or_tuple(value) and len(value) == 1:
        value = value[0]
    if not is_dict(value):
        raise DecodeError(f"{path}: expected a map, got '{_go_kind(value)}'")
    return value


# Scalars


_GO_KINDS: Final[dict[type, str]] = {
    str: "string",
    bool: "bool",
    int: "int",
    float: "float64",
    list: "slice",
    tuple: "slice",
    dict: "map",
}


def _go_kind(value: object) -> str:
    return _GO_KINDS.get(type(value), "nil")


def _json_string(value: Any, path: str, go: str = "string") -> str:
    if not isinstance(value, str):
        raise mismatch(value, path, go)
    return value


def named_string(go: str) -> Kind:
    """Text whose Go type has a name of its own."""
    return Kind(go, lambda value, path: _json_string(value, path, go), _config_string)


def json_only(go: str, read: Callable[[Any, str], Any]) -> Kind:
    """A kind of value that never stands in configuration."""
    return Kind(go, read, _refuse_config)


def _refuse_config(value: Any, path: str) -> Any:
    raise DecodeError(f"{path}: not to be configured")


def _json_int(value: Any, path: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not -(1 << 63) <= value < 1 << 63:
        raise mismatch(value, path, "int")
    return value


def _json_unsigned(value: Any, path: str, go: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
        raise mismatch(value, path, go)
    return value


def _unsigned(go: str) -> Kind:
    return Kind(go, lambda value, path: _json_unsigned(value, path, go), _config_int)


def _json_bool(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise mismatch(value, path, "bool")
    return value


def _json_duration(value: Any, path: str) -> int:
    """Text in Go's notation, or nanoseconds; values of other types count as zero, as Consul has it."""
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except DurationError as bad:
            raise _BadDuration(str(bad)) from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return from_number(value)
    return 0


def _json_strings(value: Any, path: str) -> list[str]:
    if not is_list(value):
        raise mismatch(value, path, "[]string")
    return ["" if item is None else _json_string(item, path) for item in value]


def _json_string_map(value: Any, path: str) -> dict[str, str]:
    if not is_dict(value):
        raise mismatch(value, path, "map[string]string")
    return {key: "" if item is None else _json_string(item, path) for key, item in value.items()}


def _json_headers(value: Any, path: str) -> dict[str, list[str]]:
    if not is_dict(value):
        raise mismatch(value, path, "map[string][]string")
    return {key: [] if item is None else _json_strings(item, path) for key, item in value.items()}


def _json_opaque(value: Any, path: str) -> dict[str, Any]:
    if not is_dict(value):
        raise mismatch(value, path, "map[string]interface {}")
    if is_too_deep(value):
        raise DecodeError(too_deep(path.rpartition(".")[2]))
    return go_numbers(value, path)


def go_numbers(value: Parsed, path: str = "") -> Any:
    """Untyped JSON as Go keeps it: every number is a float. What is hashed, packed and shown depends on that.

    ``path`` is where it stands, for errors. Raises DecodeError for a number that no float holds.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return float(value) if -(1 << 1000) < value < 1 << 1000 else value
    if isinstance(value, float) and math.isinf(value):
        raise mismatch(value, path, "float64")
    if isinstance(value, dict):
        return {key: go_numbers(item, path) for key, item in value.items()}
    if isinstance(value, list):
        return [go_numbers(item, path) for item in value]
    return value


def _config_string(value: Any, path: str) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, str | int | float):
        return str(value)
    raise DecodeError(f"{path}: expected type 'string', got unconvertible type '{_go_kind(value)}'")


def _config_int(value: Any, path: str) -> int:
    if isinstance(value, bool | int | float):
        return int(value)
    if isinstance(value, str):
        try:
            return int(value or "0", 0)
        except ValueError:
            raise DecodeError(f"cannot parse '{path}' as int: invalid syntax") from None
    raise DecodeError(f"{path}: expected type 'int', got unconvertible type '{_go_kind(value)}'")


_TRUE: Final = ("1", "t", "T", "TRUE", "true", "True")
_FALSE: Final = ("0", "f", "F", "FALSE", "false", "False", "")


def _config_bool(value: Any, path: str) -> bool:
    if isinstance(value, bool | int | float):
        return bool(value)
    if isinstance(value, str):
        if value in _TRUE or value in _FALSE:
            return value in _TRUE
        raise DecodeError(f"cannot parse '{path}' as bool: invalid syntax")
    raise DecodeError(f"{path}: expected type 'bool', got unconvertible type '{_go_kind(value)}'")


def _config_duration(value: Any, path: str) -> int:
    text = _config_string(value, path)
    try:
        return parse_duration(text)
    except DurationError as bad:
        raise DecodeError(f"{path}: invalid duration: {quote(text)}: {bad}") from None


def _config_strings(value: Any, path: str) -> list[str]:
    items = value if is_list_or_tuple(value) else [value]
    return [_config_string(item, path) for item in items]


def _config_string_map(value: Any, path: str) -> dict[str, str]:
    return {key: _config_string(item, path) for key, item in _block(value, path).items()}


def _config_headers(value: Any, path: str) -> dict[str, list[str]]:
    return {key: _config_strings(item, path) for key, item in _block(value, path).items()}


STRING: Final = Kind("string", _json_string, _config_string)
INT: Final = Kind("int", _json_int, _config_int)
UINT: Final = _unsigned("uint")
UINT64: Final = _unsigned("uint64")
BOOL: Final = Kind("bool", _json_bool, _config_bool)
DURATION: Final = Kind("time.Duration", _json_duration, _config_duration)
STRINGS: Final = Kind("[]string", _json_strings, _config_strings)
STRING_MAP: Final = Kind("map[string]string", _json_string_map, _config_string_map)
HEADERS: Final = Kind("map[string][]string", _json_headers, _config_headers)
OPAQUE: Final = Kind("map[string]interface {}", _json_opaque, _block)
