"""The JSON form in which KV trees travel between clusters."""

from __future__ import annotations

from typing import Any, Final, NamedTuple, cast

import msgspec

from pyconsul.lang.gojson_syntax import syntax_error

_TYPES: Final = {"key": str, "flags": int, "value": str, "namespace": str, "partition": str}
_UINT64_END: Final = 1 << 64


class DumpError(ValueError):
    """The text is not what ``kv export`` prints; the sentence is Go's."""


class Entry(NamedTuple):
    """One exported key; ``value`` is base64."""

    key: str = ""
    flags: int = 0
    value: str = ""
    namespace: str = ""
    partition: str = ""


def entries_of(data: bytes) -> list[Entry]:
    """Read an export, with names in any letter case and unknown ones left out. Raises DumpError."""
    complaint = syntax_error(data)
    if complaint:
        raise DumpError(complaint)
    rows: Any = msgspec.json.decode(data.decode("utf-8", "replace"))
    if rows is None:
        return []
    if not isinstance(rows, list):
        raise _mismatch(rows, "value of type []*impexp.Entry")
    return [_entry(row) for row in cast("list[Any]", rows) if row is not None]


def _entry(row: Any) -> Entry:
    if not isinstance(row, dict):
        raise _mismatch(row, "value of type impexp.Entry")
    fields: dict[str, Any] = {}
    for name, value in cast("dict[str, Any]", row).items():
        known = name.lower()
        if known in _TYPES and value is not None:
            fields[known] = _checked(known, value)
    return Entry(**fields)


def _checked(name: str, value: Any) -> Any:
    """A field of the right type. Raises DumpError."""
    wanted = _TYPES[name]
    where = f"struct field Entry.{name} of type {'string' if wanted is str else 'uint64'}"
    if not isinstance(value, wanted) or isinstance(value, bool):
        raise _mismatch(value, where)
    if isinstance(value, int) and not 0 <= value < _UINT64_END:
        raise DumpError(f"json: cannot unmarshal number {value} into Go {where}")
    return value


def _mismatch(value: Any, wanted: str) -> DumpError:
    kinds = {bool: "bool", int: "number", float: f"number {value}", str: "string", list: "array", dict: "object"}
    kind = kinds.get(type(value), "null")
    if isinstance(value, float) and "uint64" not in wanted:
        kind = "number"
    return DumpError(f"json: cannot unmarshal {kind} into Go {wanted}")
