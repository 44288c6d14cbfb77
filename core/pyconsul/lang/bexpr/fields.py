"""Which selectors and operators a type of rows supports, from its declared fields, as in go-bexpr.

A struct's fields are selectable under their Go names. A row type may say otherwise in class variables:

- ``bexpr_hidden: ClassVar[frozenset[str]]``: fields that are not selectable (Go: ``bexpr:"-"``);
- ``bexpr_names: ClassVar[dict[str, tuple[str, ...]]]``: field → the names it is selectable under;
- ``go_names: ClassVar[dict[str, str]]``: field → Go's field name where the two differ;
- ``CreateIndex`` and ``ModifyIndex`` are never selectable;
- an integer of another width than 64 bits: ``Annotated[int, Meta(extra={"go": "uint16"})]``;
- an address in text that is bytes to go-bexpr: ``Annotated[str, Meta(extra={"go": "net.IP"})]``.

Fields whose type is ``Any`` or a union of several types are not selectable.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from ipaddress import ip_address
from typing import Annotated, Any, Final, Literal, Union, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UnsetType
from msgspec.structs import replace

from pyconsul.lang.bexpr.ast import Operator
from pyconsul.lang.bexpr.literals import INTEGERS, Coercion
from pyconsul.lang.goflags.values import to_bool, to_float

Kind = Literal["string", "int", "float", "bool", "struct", "slice", "map", "opaque"]
"""What a value is, for the evaluator; "opaque" supports nothing and leads nowhere."""

_EQUALITY: Final = frozenset({Operator.EQUAL, Operator.NOT_EQUAL})
_MEMBERSHIP: Final = frozenset({Operator.IN, Operator.NOT_IN})
_MATCHING: Final = frozenset({Operator.MATCHES, Operator.NOT_MATCHES})
_EMPTINESS: Final = frozenset({Operator.IS_EMPTY, Operator.IS_NOT_EMPTY})
_NONE: Final[frozenset[Operator]] = frozenset()

_NEVER: Final = frozenset({"CreateIndex", "ModifyIndex"})

ANY: Final = ""
"""The sub-field of a map: whatever key is selected."""


class Field(msgspec.Struct, frozen=True):
    """What can be done with a value of one type.

    ``subs`` are the selectable parts by name (``ANY`` for maps); a slice has the parts of its elements.
    ``attribute`` is the field of the row that a struct's part is read from, ``seen`` what its value is to Go where the
    row holds another form of it.
    """

    kind: Kind
    operators: frozenset[Operator] = _NONE
    coerce: Coercion | None = None
    subs: dict[str, Field] = msgspec.field(default_factory=dict)
    element: Field | None = None
    attribute: str = ""
    seen: Callable[[Any], object] | None = None


_OPAQUE: Final = Field("opaque")
_STRING: Final = Field("string", _EQUALITY | _MEMBERSHIP | _MATCHING, lambda text: text)
_BOOL: Final = Field("bool", _EQUALITY, to_bool)
_FLOAT: Final = Field("float", _EQUALITY, to_float)
_PRIMITIVES: Final = frozenset({"string", "int", "float", "bool"})
_BYTE: Final = Field("int", _EQUALITY, INTEGERS["uint8"])
_BYTES: Final = Field("slice", _MEMBERSHIP | _EMPTINESS, _BYTE.coerce, element=_BYTE)


def _packed(address: str) -> bytes:
    return ip_address(address).packed


# How Go holds what a row holds as text.
_TEXTS: Final = {
    "duration": Field("int", _EQUALITY, INTEGERS["int64"]),
    "time": Field("struct"),
    "net.IP": replace(_BYTES, seen=_packed),
}


@cache
def field_of(row_type: object) -> Field:
    """What a type supports. ``Optional`` and ``UnsetType`` are looked through, as pointers are in Go."""
    row_type, go_type = _plain(row_type)
    origin = get_origin(row_type)
    if origin is not None:
        return _generic(origin, get_args(row_type))
    if not isinstance(row_type, type):
        return _OPAQUE
    if issubclass(row_type, bool):
        return _BOOL
    if issubclass(row_type, str):
        return _TEXTS.get(go_type, _STRING)
    if issubclass(row_type, int):
        return Field("int", _EQUALITY, INTEGERS.get(go_type, INTEGERS["int"]))
    if issubclass(row_type, float):
        return _FLOAT
    if issubclass(row_type, bytes):
        return _BYTES
    if issubclass(row_type, msgspec.Struct):
        return Field("struct", subs=_struct_fields(row_type))
    return _OPAQUE


def _plain(declared: object) -> tuple[object, str]:
    """The type without its wrappings, and the Go type that a marker names."""
    go_type = ""
    while True:
        declared = getattr(declared, "__value__", declared)  # a ``type X = …`` of Python 3.12
        origin = get_origin(declared)
        if origin is Annotated:
            declared, *markers = get_args(declared)
            for marker in markers:
                extra = cast("dict[str, Any]", getattr(marker, "extra", None) or {})
                go_type = str(extra.get("go", go_type))
        elif origin in (Union, types.UnionType):
            members = [m for m in get_args(declared) if m not in (type(None), UnsetType)]
            if len(members) != 1:
                return object, go_type
            declared = members[0]
        else:
            return declared, go_type


def _generic(origin: object, arguments: tuple[object, ...]) -> Field:
    if not isinstance(origin, type):
        return _OPAQUE
    if issubclass(origin, Mapping):
        key, value = arguments
        return _map(key, value)
    if issubclass(origin, (Sequence, AbstractSet)):
        return _slice(arguments[0])
    return _OPAQUE


def _map(key: object, value: object) -> Field:
    if field_of(key).kind != "string":
        return Field("map", _EMPTINESS)
    inner = field_of(value)
    subs = {} if inner.kind == "opaque" else {ANY: inner}
    return Field("map", _EMPTINESS | _MEMBERSHIP, lambda text: text, subs)


def _slice(element: object) -> Field:
    inner = field_of(element)
    if inner.kind in _PRIMITIVES:
        return Field("slice", _MEMBERSHIP | _EMPTINESS, inner.coerce, element=inner)
    return Field("slice", _EMPTINESS, subs=inner.subs, element=inner)


def _struct_fields(struct: type[msgspec.Struct]) -> dict[str, Field]:
    hidden: frozenset[str] = getattr(struct, "bexpr_hidden", frozenset())
    names: dict[str, tuple[str, ...]] = getattr(struct, "bexpr_names", {})
    go_names: dict[str, str] = getattr(struct, "go_names", {})
    hints = get_type_hints(struct, include_extras=True)
    found: dict[str, Field] = {}
    for attribute in struct.__struct_fields__:
        if attribute in hidden or attribute in _NEVER:
            continue
        inner = field_of(hints[attribute])
        if inner.kind == "opaque":
            continue
        part = replace(inner, attribute=attribute)
        for name in names.get(attribute, (go_names.get(attribute, attribute),)):
            found[name] = part
    return found
