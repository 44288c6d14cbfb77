"""Catalog registrations as clients write them: in any letter case, with old snake_case names.

Field names are made canonical, Go's zero values of fields that JSON omits become UNSET, and what does not fit raises
ValueError with the text that Go's decoder gives.
"""

from functools import cache
from types import NoneType
from typing import Any, TypeAlias, TypeVar, get_args

import msgspec
from msgspec import UNSET, UnsetType

from pyconsul.structs.catalog import DeregisterRequest, RegisterRequest
from pyconsul.structs.catalog_shapes import DEREGISTRATION, REGISTRATION
from pyconsul.structs.lenient import from_json

S = TypeVar("S", bound=msgspec.Struct)


def register_request_from(value: Any) -> RegisterRequest:
    """A registration from parsed JSON. Raises ValueError with Go's text."""
    return without_zeros(msgspec.convert(from_json(REGISTRATION, value), RegisterRequest))


def deregister_request_from(value: Any) -> DeregisterRequest:
    """A deregistration from parsed JSON; its ``Address`` means nothing any more.

    Raises ValueError with Go's text.
    """
    return msgspec.convert(from_json(DEREGISTRATION, value), DeregisterRequest)


def without_zeros(row: S) -> S:
    """The struct with UNSET for every omittable field that holds Go's zero value, all the way down."""
    found: dict[str, Any] = {}
    for name, omittable, is_pointer in _fields(type(row)):
        value = getattr(row, name)
        settled = _settled(value)
        if settled is not UNSET and omittable and (settled is None if is_pointer else _is_zero(settled)):
            settled = UNSET
        if settled is not value:
            found[name] = settled
    return msgspec.structs.replace(row, **found) if found else row


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, bool, bool], ...]:
    """Names, whether each may be left out, and whether Go has a pointer, of which only null is zero.

    Finding out takes longer than all else about a row.
    """
    fields = msgspec.structs.fields(kind)
    return tuple((field.name, field.default is UNSET, NoneType in get_args(field.type)) for field in fields)


_Field: TypeAlias = msgspec.Struct | UnsetType | list[Any] | dict[str, Any] | str | int | float | bytes | None


def _is_zero(value: Any) -> bool:
    return value == type(value)() if isinstance(value, msgspec.Struct) else not value


def _settled(value: _Field) -> Any:
    if isinstance(value, msgspec.Struct):
        return without_zeros(value)
    if isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
        return [without_zeros(item) for item in value]
    return value
