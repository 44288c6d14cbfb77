"""Arguments of an extension as typed values, read as strictly as mapstructure does without weak conversions.

Letter case of names does not matter, and names that mean nothing are passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Final, TypeAlias, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from pyconsul.lang.mapstructure import decoding_failed, go_kind, unconvertible
from pyconsul.primitives.untyped import is_dict, is_list
from pyconsul.structs.config_entries.loose import core_of, is_pointer, mark_of

__all__ = ["ArgumentsError", "Duration", "Int64", "ServiceKind", "UInt32", "read"]

ServiceKind: TypeAlias = Annotated[str, Meta(extra={"go": "api.ServiceKind"})]
Duration: TypeAlias = Annotated[int, Meta(extra={"go": "time.Duration"})]
Int64: TypeAlias = Annotated[int, Meta(extra={"go": "int64"})]
UInt32: TypeAlias = Annotated[int, Meta(extra={"go": "uint32"})]

_Arguments = TypeVar("_Arguments", bound=msgspec.Struct)
_GO_NAMES: Final = {str: "string", bool: "bool", int: "int"}


class ArgumentsError(ValueError):
    """Arguments that do not fit their types; the text lists every one of them."""


class _Fault(ValueError):
    """One value does not fit."""


def read(kind: type[_Arguments], arguments: Mapping[str, Any]) -> _Arguments:
    """The typed arguments. Raises ArgumentsError."""
    reader = _Reader()
    found = reader.struct(kind, arguments, "")
    if reader.faults:
        raise ArgumentsError(decoding_failed(reader.faults))
    return found


class _Reader:
    """Reads the arguments of one extension; gathers what does not fit."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def struct(self, kind: type[_Arguments], given: Any, path: str) -> _Arguments:
        if not is_dict(given):
            raise _no_map(given, path)
        found: dict[str, Any] = {}
        for name, annotation in _fields(kind).items():
            key = name if name in given else next((key for key in given if key.lower() == name.lower()), None)
            if key is None or given[key] is None:
                continue
            try:
                found[name] = self._value(annotation, given[key], f"{path}.{name}" if path else name)
            except _Fault as fault:
                self.faults.append(str(fault))
        return kind(**found)

    def _value(self, annotation: Any, given: Any, path: str) -> Any:
        kind = core_of(annotation)
        origin = get_origin(kind)
        if kind is Any:
            return given
        if origin is list:
            return self._list(get_args(kind)[0], given, path)
        if origin is dict:
            return self._map(get_args(kind)[1], given, path)
        if issubclass(kind, msgspec.Struct):
            return self.struct(kind, given, path)
        return _scalar(kind, mark_of(annotation), given, path)

    def _list(self, item: Any, given: Any, path: str) -> list[Any]:
        if not is_list(given):
            raise _Fault(f"'{path}': source data must be an array or slice, got {go_kind(given)}")
        return self._members(item, {f"{path}[{at}]": member for at, member in enumerate(given)})

    def _map(self, item: Any, given: Any, path: str) -> dict[str, Any]:
        if not is_dict(given):
            raise _no_map(given, path)
        members = self._members(item, {f"{path}[{key}]": member for key, member in given.items()})
        return dict(zip(given, members, strict=True))

    def _members(self, item: Any, given: Mapping[str, Any]) -> list[Any]:
        found: list[Any] = []
        for place, member in given.items():
            try:
                found.append(_nothing(item) if member is None else self._value(item, member, place))
            except _Fault as fault:
                self.faults.append(str(fault))
                found.append(None)
        return found


def _scalar(kind: type[str | bool | int], go: str, given: Any, path: str) -> Any:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not (is_number if kind is int else isinstance(given, kind)):
        raise _Fault(unconvertible(path, go or _GO_NAMES[kind], given))
    if kind is not int:
        return given
    if given < 0 and go.startswith("uint"):
        raise _Fault(f"cannot parse '{path}', {given if isinstance(given, int) else f'{given:f}'} overflows uint")
    return int(given)


def _no_map(given: Any, path: str) -> _Fault:
    return _Fault(f"'{path}' expected a map, got '{go_kind(given)}'")


def _nothing(item: Any) -> Any:
    """What a null stands for in a list or map."""
    kind = core_of(item)
    return None if kind is Any or is_pointer(item) else kind()


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)
