"""Loose input made canonical: JSON as Go's decoder takes it, blocks as Consul's builder does.

A ``Shape`` declares the fields of one Go struct. ``from_json`` matches keys in any letter case and knows the snake_case
twins that Consul takes beside them; ``from_config`` knows the snake_case keys of configuration. Both give plain dicts
under Go's field names, with absent fields absent. Unknown keys are errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import msgspec

from pyconsul.primitives.untyped import is_dict, is_list
from pyconsul.structs.scalar_kinds import BadDuration, DecodeError, Kind, Refusal, block, mismatch

__all__ = ["DecodeError", "ListOf", "MapOf", "Shape", "Type", "from_config", "from_json"]


class ListOf(msgspec.Struct, frozen=True):
    """A list of structs; null elements are refused, as Go trips over them, but where they are ``plain``.

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
    """One Go struct.

    ``snake``: extra JSON key -> field. ``ignored``: JSON keys that are taken and dropped. ``config``: configuration
    key -> field, where configuration takes the struct at all; ``config_only`` fields have no JSON key. ``lax`` shapes
    ignore unknown keys of JSON.
    ``wrapped`` shapes are read through an anonymous struct in Go, which shows in error texts; ``go`` is its type.
    ``embedded``: field -> the Go struct inside this one that it is a field of; that shows in error texts, too.
    """

    name: str
    fields: Mapping[str, Type]
    snake: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    ignored: Mapping[str, Type] = msgspec.field(default_factory=dict[str, Type])
    embedded: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
    config: Mapping[str, str] = msgspec.field(default_factory=dict[str, str])
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
    """A JSON key: the ``field`` that it fills ("": none), its type, and its name in error texts."""

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
    """What is wrong with one value.

    The first fault counts, as in Go; bad durations come last, in the fields' order.
    """

    def __init__(self, fields: Iterable[str] = ()) -> None:
        self._fields = fields
        self._first: DecodeError | None = None
        self._durations: list[tuple[int, BadDuration]] = []

    def add(self, error: DecodeError, field: str = "") -> None:
        """Take note and go on, but not behind a refusal: raises that at once."""
        if isinstance(error, Refusal):
            raise error
        if isinstance(error, BadDuration):
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


def from_config(shape: Shape, value: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """A configuration block as a dict under the field names of ``shape``.

    Its keys and values are canonical (``pyconsul.config.decode``). ``path`` is where it stands, for errors. Raises
    DecodeError for unknown keys and values of a wrong type.
    """
    given: dict[str, Any] = {}
    for key, item in value.items():
        name = shape.config.get(key)
        if name is None:
            raise DecodeError(f"invalid config key {path}.{key}" if path else f"invalid config key {key}")
        if item is not None:
            given[name] = _config_value(shape.fields[name], item, f"{path}.{key}" if path else key)
    return given


def _config_value(kind: Type, value: Any, path: str) -> Any:
    if isinstance(kind, Kind):
        return kind.config(value, path)
    if isinstance(kind, Shape):
        return from_config(kind, block(value, path), path)
    if isinstance(kind, ListOf):
        return [from_config(kind.shape, block(v, path), f"{path}[{n}]") for n, v in enumerate(value)]
    return {k: from_config(kind.shape, block(v, path), f"{path}[{k}]") for k, v in block(value, path).items()}
