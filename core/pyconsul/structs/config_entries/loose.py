"""Structs from loose input, as Consul's decoder of config entries takes it.

It converts between texts, numbers and booleans, takes one value for a list and a list of one for one value, and matches
keys in any letter case and under their snake_case aliases.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Mapping
from functools import cache
from typing import Annotated, Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Meta, UnsetType

from pyconsul.lang.mapstructure import decoding_failed, go_kind, unconvertible
from pyconsul.lang.strconv import NumberSyntaxError, format_float, parse_bool, parse_float, parse_int, parse_uint
from pyconsul.primitives.durations import DurationError, format_duration, parse_duration
from pyconsul.primitives.untyped import is_dict, is_list
from pyconsul.structs.config_entries.entry import ConfigEntry
from pyconsul.structs.gotime import canonical

_Struct = TypeVar("_Struct", bound=msgspec.Struct)
# Types of a server's fields that are plain texts in the client's structs.
_PLAIN_FOR_CLIENTS: Final = frozenset(
    (
        "types.TLSVersion",
        "types.TLSCipherSuite",
        "structs.APIGatewayListenerProtocol",
        "structs.HeadersWithUnderscoresAction",
        "structs.PathWithEscapedSlashesAction",
    )
)
_RAFT_FIELDS: Final = frozenset(("CreateIndex", "ModifyIndex"))


class MisfitError(ValueError):
    """Values that do not convert to the types of their fields; the text lists them all."""


class _Fault(ValueError):
    """One value does not convert."""


def read_struct(kind: type[_Struct], raw: Any, *, by_client: bool = False) -> tuple[_Struct, list[str]]:
    """The struct, and the paths of the keys that it does not know. Raises MisfitError.

    Structs of Consul's API client differ from those of its servers here and there, in aliases and in names of types:
    ``by_client`` takes it as the client does.
    """
    reader = _Reader(by_client)
    found = reader.struct(kind, raw, "")
    if reader.faults:
        raise MisfitError(decoding_failed(reader.faults))
    return found, reader.unused


class _Reader:
    """Reads one struct; gathers what does not convert and which keys nobody knows."""

    def __init__(self, by_client: bool) -> None:
        self._by_client = by_client
        self.faults: list[str] = []
        self.unused: list[str] = []

    def struct(self, kind: type[_Struct], value: Any, path: str) -> _Struct:
        value = _single(value)
        if not is_dict(value):
            raise _Fault(f"'{path}' expected a map, got '{go_kind(value)}'")
        given = _translated(_aliases(kind, self._by_client), value)
        found: dict[str, Any] = {}
        for name, annotation in _fields(kind).items():
            key = name if name in given else next((k for k in given if k.lower() == name.lower()), None)
            if key is None:
                continue
            member = given.pop(key)
            if member is None:
                continue
            place, go_type = f"{path}.{name}" if path else name, _go_field_types(kind).get(name, "")
            if (read := self._member(annotation, member, place, go_type)) is not UNSET:
                found[name] = read
        if issubclass(kind, ConfigEntry):
            given = {key: member for key, member in given.items() if key not in _RAFT_FIELDS and key != "RaftIndex"}
        self.unused += sorted(f"{path}.{key}" if path else key for key in given)
        return kind(**found)

    def _member(self, annotation: Any, value: Any, path: str, go_type: str) -> Any:
        """The value of a field, UNSET where it is zero and a zero is left out.

        ``go_type`` is the name of its type in Go for error texts, where it is one of the field's own.
        """
        try:
            read = self._value(core_of(annotation), self._mark(annotation) or self._go_name(go_type), value, path)
        except _Fault as fault:
            self.faults.append(str(fault))
            return UNSET
        keeps_zero = is_pointer(annotation) or not _may_be_unset(annotation)
        return read if keeps_zero or read or isinstance(read, msgspec.Struct) else UNSET

    def _mark(self, annotation: Any) -> str:
        return self._go_name(mark_of(annotation))

    def _go_name(self, go_type: str) -> str:
        if not self._by_client:
            return go_type
        return "string" if go_type in _PLAIN_FOR_CLIENTS else go_type.replace("structs.", "api.")

    def _value(self, kind: Any, mark: str, value: Any, path: str) -> Any:
        origin = get_origin(kind)
        if origin is list:
            return self._list(get_args(kind)[0], mark, value, path)
        if kind is bytes:
            return self._bytes(value, path)
        value = _single(value)
        if kind is Any:
            return value
        if origin is dict:
            return self._map(get_args(kind)[1], value, path)
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            return self.struct(kind, value, path)
        return _scalar(kind, mark, value, path)

    def _bytes(self, value: Any, path: str) -> bytes:
        if isinstance(value, str):
            return value.encode("utf-8", "surrogateescape")
        return bytes(number & 255 for number in self._list(_BYTE, "", value, path))

    def _list(self, item: Any, mark: str, value: Any, path: str) -> list[Any]:
        if value == {}:
            return []
        items: list[Any] = value if is_list(value) else [value]
        found: list[Any] = []
        for number, member in enumerate(items):
            place = f"{path}[{number}]"
            if member is None:
                member = _nothing(core_of(item))
            try:
                found.append(self._value(core_of(item), self._mark(item) or mark, member, place))
            except _Fault as fault:
                self.faults.append(str(fault))
        return found

    def _map(self, item: Any, value: Any, path: str) -> dict[str, Any]:
        if is_list(value):
            value = _joined(value, path)
        if not is_dict(value):
            raise _Fault(f"'{path}' expected a map, got '{go_kind(value)}'")
        found: dict[str, Any] = {}
        for key, member in value.items():
            try:
                found[key] = self._map_member(core_of(item), self._mark(item), member, f"{path}[{key}]")
            except _Fault as fault:
                self.faults.append(str(fault))
        return found

    def _map_member(self, kind: Any, mark: str, member: Any, path: str) -> Any:
        if kind is Any:
            return _unwrapped(member) if is_list(member) else member
        if member is None:
            return kind() if isinstance(kind, type) else None
        return self._value(kind, mark, member, path)


def _nothing(kind: Any) -> Any:
    """What a null in a list of this type stands for."""
    return {} if isinstance(kind, type) and issubclass(kind, msgspec.Struct) else ""


_BYTE: Final = Annotated[int, Meta(extra={"go": "uint8"})]


def _single(value: Any) -> Any:
    """The element of a list of one, for fields that take no list."""
    return value[0] if is_list(value) and len(value) == 1 else value


def _joined(items: list[Any], path: str) -> dict[str, Any]:
    """A list of maps as the one map of all their members."""
    found: dict[str, Any] = {}
    for number, one in enumerate(items):
        if one is not None and not is_dict(one):
            raise _Fault(f"'{path}[{number}]' expected a map, got '{go_kind(one)}'")
        found.update(one or {})
    return found


def _unwrapped(items: list[Any]) -> Any:
    """Untyped values: a list of one is that one, and so everywhere inside it; HCL writes blocks as lists."""
    return _opened(items[0]) if len(items) == 1 else items


def _opened(value: Any) -> Any:
    """A value in whose maps no list of one is left; what such a list held is not opened once more."""
    if is_dict(value):
        return {key: _opened(_single(member)) for key, member in value.items()}
    return [_opened(member) for member in value] if is_list(value) else value


def _translated(aliases: Mapping[str, str], value: Mapping[str, Any]) -> dict[str, Any]:
    """The members with aliases replaced by field names, which are in lower case then.

    So a field that is given under its alias and its plain name is given twice, and one of them is nobody's; unless the
    plain name is in lower case, too.
    """
    found: dict[str, Any] = {}
    for key, member in value.items():
        name = aliases.get(key.lower(), "").lower()
        found[name or key] = value.get(name, member) if name else member
    return found


@cache
def _aliases(kind: type[Any], by_client: bool) -> dict[str, str]:
    """Its aliases; of types that the catalog shares, all fields have one unless the type says otherwise."""
    declared: dict[str, str] | None = getattr(kind, "aliases", None)
    if by_client:
        declared = getattr(kind, "client_aliases", declared)
    if declared is not None or not kind.__module__.endswith("connect_proxy"):
        return declared or {}
    return {_snake(name): name for name in kind.__struct_fields__ if _snake(name) != name.lower()}


_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _snake(name: str) -> str:
    return _WORD_ENDS.sub("_", name).lower()


@cache
def _fields(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    hidden = {name for name, go_name in getattr(kind, "go_names", {}).items() if not go_name}
    return {name: hints[name] for name in kind.__struct_fields__ if name not in _RAFT_FIELDS | hidden}


def _go_field_types(kind: type[Any]) -> dict[str, str]:
    return getattr(kind, "go_field_types", {})


@cache
def _union(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _may_be_unset(annotation: Any) -> bool:
    return UnsetType in _union(annotation)


@cache
def is_pointer(annotation: Any) -> bool:
    """Whether Go has a pointer there, so that a zero is not the same as nothing."""
    return type(None) in _union(annotation)


@cache
def core_of(annotation: Any) -> Any:
    """The type without markers, None and UNSET."""
    rest = [one for one in _union(annotation) if one not in (UnsetType, type(None))]
    return get_args(rest[0])[0] if get_origin(rest[0]) is Annotated else rest[0]


@cache
def mark_of(annotation: Any) -> str:
    """The ``go`` marker of a type, "" without one."""
    for one in _union(annotation):
        if get_origin(one) is Annotated:
            return next((str(m.extra["go"]) for m in get_args(one)[1:] if isinstance(m, Meta) and m.extra), "")
    return ""


# Scalars


def _scalar(kind: Any, mark: str, value: Any, path: str) -> Any:
    if mark == "duration":
        nanoseconds = _nanoseconds(value, path)
        return format_duration(nanoseconds) if nanoseconds else ""
    if mark == "nanoseconds":
        return _nanoseconds(value, path)
    if mark == "time":
        return _time(value, path)
    read = _READERS[kind]
    return read(value, path, mark)


def _string(value: Any, path: str, mark: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format_float(value, "f")  # never with an exponent
    raise _unconvertible(mark or "string", value, path)


def _cut(value: float, bits: int, *, unsigned: bool) -> int:
    """A number cut to Go's integer of that width: what does not fit wraps, as a conversion on amd64 does."""
    whole = int(value) if -(1 << 63) <= value < (1 << (64 if unsigned else 63)) else -(1 << 63)
    return whole % (1 << bits) if unsigned else whole


def _int(value: Any, path: str, mark: str) -> int:
    unsigned = mark.startswith("uint")
    bits = 32 if mark == "uint32" else 64
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return _cut(value, bits, unsigned=unsigned)
    if isinstance(value, str):
        try:
            return (parse_uint if unsigned else parse_int)(value or "0", 0, bits)
        except NumberSyntaxError as error:
            raise _Fault(f"cannot parse '{path}' as {'uint' if unsigned else 'int'}: {error}") from error
    raise _unconvertible(mark or "int", value, path)


def _bool(value: Any, path: str, _mark: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    if isinstance(value, str):
        try:
            return bool(value) and parse_bool(value)
        except NumberSyntaxError as error:
            raise _Fault(f"cannot parse '{path}' as bool: {error}") from error
    raise _unconvertible("bool", value, path)


def _float(value: Any, path: str, mark: str) -> float:
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        try:
            return parse_float(value or "0")
        except NumberSyntaxError as error:
            raise _Fault(f"cannot parse '{path}' as float: {error}") from error
    raise _unconvertible(mark or "float64", value, path)


_READERS: Final[dict[Any, Callable[[Any, str, str], Any]]] = {str: _string, int: _int, bool: _bool, float: _float}


def _nanoseconds(value: Any, path: str) -> int:
    if isinstance(value, str):
        try:
            return parse_duration(value)
        except DurationError as error:
            raise _Fault(f"error decoding '{path}': {error}") from error
    if isinstance(value, int | float):
        return _cut(value, 64, unsigned=False)
    raise _unconvertible("time.Duration", value, path)


def _time(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise _Fault(f"'{path}' expected a map, got '{go_kind(value)}'")
    try:
        return canonical(value)
    except ValueError as error:
        raise _Fault(f"error decoding '{path}': {error}") from error


def _unconvertible(wanted: str, value: object, path: str) -> _Fault:
    return _Fault(unconvertible(path, wanted, value))
