"""``Hash`` of an entry: the number that Consul's servers compute over its fields (`gohash`).

It runs over Go's names of types and fields and over the width of numbers, so the declared types say those.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET

from pyconsul.primitives.durations import parse_duration
from pyconsul.structs import gohash
from pyconsul.structs.config_entries.entry import ConfigEntry
from pyconsul.structs.config_entries.loose import core_of, is_pointer, mark_of
from pyconsul.structs.wire import changed

_LAYOUTS: Final = {"uint32": "<I", "float32": "<f", "uint64": "<Q"}
Entry = TypeVar("Entry", bound=ConfigEntry)
_IGNORED: Final = frozenset(("Hash", "CreateIndex", "ModifyIndex"))


def prepared(entry: Entry) -> Entry:
    """An entry as it is written: normalized, with its hash.

    Raises InternalError for what cannot be made right.
    """
    ready = entry.normalized()
    return changed(ready, Hash=entry_hash(ready))


def entry_hash(entry: ConfigEntry) -> int:
    """The hash of an entry, as it would be computed when it is written."""
    return _struct(entry)


# An embedded struct without fields: its hash is that of its type's name, under the field's, which is the same.
_META: Final = gohash.ordered(gohash.fnv(b"EnterpriseMeta"), gohash.fnv(b"EnterpriseMeta"))


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
    found = gohash.text(_go_name(kind))
    for name, annotation in _fields(kind).items():
        found ^= gohash.ordered(gohash.text(name), _declared(annotation, getattr(value, name)))
    if isinstance(value, ConfigEntry):
        for name, extra in value.go_extra().items():
            found ^= gohash.ordered(gohash.text(name), gohash.loose(extra))
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
        return gohash.fnv(struct.pack("<q", parse_duration(value)))
    if mark == "time":
        return gohash.text("Time")  # its fields are private, so any time is like another
    if get_origin(kind) is list:
        item = get_args(kind)[0]
        return gohash.listed([_declared(item, one) for one in value])
    if get_origin(kind) is dict:
        item = get_args(kind)[1]
        return gohash.mapped([(gohash.text(key), _declared(item, one)) for key, one in value.items()])
    if mark in _LAYOUTS:
        return gohash.fnv(struct.pack(_LAYOUTS[mark], value))
    return gohash.loose(value)


def _zero(annotation: Any, kind: Any, mark: str) -> int:
    if is_pointer(annotation) and get_origin(kind) is None:
        return gohash.NIL
    if get_origin(kind) in (list, dict) or kind is bytes:
        return 0  # what ``gohash.listed`` and ``mapped`` begin with: nil and empty are one to the hash
    if kind is str and mark != "duration":
        return gohash.text("")
    if kind is bool:
        return gohash.fnv(b"\0")
    return gohash.fnv(bytes(4)) if mark in ("uint32", "float32") else gohash.NIL
