"""The JSON form in which KV trees travel between clusters."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from pyconsul.lang.gojson_syntax import GoSyntaxError
from pyconsul.primitives.untyped import is_list
from pyconsul.structs.godecode import DecodeError, into, parse_whole, wrong_value


class DumpError(ValueError):
    """The text is not what ``kv export`` prints; the sentence is Go's."""


class Entry(msgspec.Struct):
    """One exported key; ``value`` is base64."""

    go_type: ClassVar = "impexp.Entry"
    go_field_types: ClassVar = {"flags": "uint64"}

    key: str = ""
    flags: int = 0
    value: str = ""
    namespace: str = ""
    partition: str = ""


def entries_of(data: bytes) -> list[Entry]:
    """Read an export, with names in any letter case and unknown ones left out. Raises DumpError."""
    try:
        rows: Any = parse_whole(data)
        if rows is None:
            return []
        if not is_list(rows):
            raise DumpError(wrong_value(rows, "[]*impexp.Entry"))
        return [into(row, Entry, strict=False) for row in rows if row is not None]
    except (GoSyntaxError, DecodeError) as error:
        raise DumpError(str(error)) from error
