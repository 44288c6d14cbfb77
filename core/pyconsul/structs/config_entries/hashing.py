"""``Hash`` of an entry: the number that Consul's servers compute over its fields (hashstructure, FNV-1 of 64 bits).

It runs over Go's names of types and fields and over the width of numbers, so the declared types say those. Maps and
structs add up in any order, lists in theirs; nil counts as the integer 0 where Go has a pointer or an interface.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, Final, TypeVar, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET

from pyconsul.primitives.durations import parse_duration
from pyconsul.structs.config_entries.decode import core_of, is_pointer, mark_of
from pyconsul.structs.config_entries.entry import ConfigEntry
from pyconsul.structs.wire import changed

_OFFSET: Final = 14695981039346656037
_PRIME: Final = 1099511628211
_MASK: Final = (1 << 64) - 1
_LAYOUTS: Final = {"uint32": "<I", "float32": "<f", "uint64": "<Q"}
Entry = TypeVar("Entry", bound=ConfigEntry)
_IGNORED: Final = frozenset(("Hash", "CreateIndex", "ModifyIndex"))


def prepared(entry: Entry) -> Entry:
    """An entry as it is written: normalized, with its hash. Raises InternalError for what cannot be made right."""
    ready = entry.normalized()
    return cast("Entry", changed(ready, Hash=entry_hash(ready)))


def entry_hash(entry: ConfigEntry) -> int:
    """The hash of an entry, as it would be computed when it is written."""
    return _struct(entry)


def _fnv(data: bytes) -> int:
    value = _OFFSET
    for byte in data:
        value = (value * _PRIME & _MASK) ^ byte
    return value


@cache
def _text(text: str) -> int:
    return _fnv(text.encode("utf-8", "surrogateescape"))


def _ordered(first: int, second: int) -> int:
    return _fnv(struct.pack("<QQ", first, second))


_NIL: Final = _fnv(bytes(8))
_META: Final = _ordered(_fnv(b"EnterpriseMeta"), _fnv(b"EnterpriseMeta"))


@cache
def _go_name(kind: type[Any]) -> str:
    declared = str(getattr(kind, "go_type", "")).rpartition(".")[2]
    return declared or (f"{kind.__name__}ConfigEntry" if issubclass(kind, ConfigEntry) else kind.__name__)


@cache
def _fields(kind: type[Any]) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    hidden = {name for name, go_name in getattr(kind, "go_names", {}).items() if not go_name}
    left_out = hidden | (_IGNORED if issubclass(kind, ConfigEntry) else set[str]())
    return {name: hints[name] for name in kind.__struct_fields__ if name not in left_out}


def _struct(value: msgspec.Struct) -> int:
    kind = type(value)
    found = _text(_go_name(kind))
    for name, annotation in _fields(kind).items():
        found ^= _ordered(_text(name), _declared(annotation, getattr(value, name)))
    if isinstance(value, ConfigEntry):
        for name, extra in value.go_extra().items():
            found ^= _ordered(_text(name), _loose(extra))
    if getattr(kind, "go_embeds_meta", False):
        found ^= _META
    return found


def _declared(annotation: Any, value: Any) -> int:
    """The hash of a field's value under its declared type."""
    kind, mark = core_of(annotation), mark_of(annotation)
    if value is UNSET or value is None:
        return _zero(annotation, kind, mark)
    if isinstance(value, msgspec.Struct):
        return _struct(value)
    if mark == "duration":
        return _fnv(struct.pack("<q", parse_duration(value)))
    if mark == "time":
        return _text("Time")  # its fields are private, so any time is like another
    if get_origin(kind) is list:
        item = get_args(kind)[0]
        return _listed([_declared(item, one) for one in value])
    if get_origin(kind) is dict:
        item = get_args(kind)[1]
        members = cast("dict[str, Any]", value).items()
        return _mapped([(_text(key), _declared(item, one)) for key, one in members])
    if mark in _LAYOUTS:
        return _fnv(struct.pack(_LAYOUTS[mark], value))
    return _loose(value)


def _zero(annotation: Any, kind: Any, mark: str) -> int:
    if is_pointer(annotation) and get_origin(kind) is None:
        return _NIL
    if get_origin(kind) in (list, dict) or kind is bytes:
        return 0
    if kind is str and mark != "duration":
        return _text("")
    if kind is bool:
        return _fnv(b"\0")
    return _fnv(bytes(4)) if mark in ("uint32", "float32") else _NIL


def _loose(value: Any) -> int:
    """The hash of a value whose own type is all there is."""
    if value is None:
        return _NIL
    if isinstance(value, bool):
        return _fnv(b"\1" if value else b"\0")
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return _fnv(struct.pack("<q", value))
    if isinstance(value, float):
        return _fnv(struct.pack("<d", value))
    if isinstance(value, bytes):
        return _listed([_fnv(bytes((byte,))) for byte in value])
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value).items()
        return _mapped([(_text(str(key)), _loose(one)) for key, one in members])
    return _listed([_loose(one) for one in cast("list[Any]", value)])


def _listed(hashes: list[int]) -> int:
    found = 0
    for one in hashes:
        found = _ordered(found, one)
    return found


def _mapped(pairs: list[tuple[int, int]]) -> int:
    found = 0
    for key, one in pairs:
        found ^= _ordered(key, one)
    return found
