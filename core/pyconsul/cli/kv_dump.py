"""The JSON form in which KV trees travel between clusters."""

from __future__ import annotations

import msgspec

from pyconsul.lang.gojson_syntax import syntax_error


class DumpError(ValueError):
    """The text is not what ``kv export`` prints; the sentence is Go's."""


class Entry(msgspec.Struct, frozen=True):
    """One exported key; ``value`` is base64."""

    key: str = ""
    flags: int = 0
    value: str = ""
    namespace: str = ""
    partition: str = ""


def entries_of(data: bytes) -> list[Entry]:
    """Read an export. Raises DumpError."""
    complaint = syntax_error(data)
    if complaint:
        raise DumpError(complaint)
    try:
        return msgspec.json.decode(data, type=list[Entry] | None) or []
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise DumpError(str(e)) from e
