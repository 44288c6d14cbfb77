"""Entries from loose input: JSON bodies, and ``config_entries.bootstrap`` of the configuration.

Keys that nobody knows are refused here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from pyconsul.lang.mapstructure import go_kind
from pyconsul.lang.strconv import quote
from pyconsul.primitives.multierror import multi_error
from pyconsul.primitives.untyped import is_dict
from pyconsul.structs.config_entries.entry import ConfigEntry
from pyconsul.structs.config_entries.kinds import UnknownKindError, kind_of
from pyconsul.structs.config_entries.loose import MisfitError, read_struct
from pyconsul.structs.nesting import is_too_deep, too_deep
from pyconsul.structs.scalar_kinds import DecodeError, go_numbers


class EntryDecodeError(ValueError):
    """The input is no entry; the text is Consul's, what goes behind ``Request decoding failed: ``.

    ``unknown`` holds the paths of the keys that nobody knows, if that is all that is wrong.
    """

    def __init__(self, text: str, unknown: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.unknown = tuple(unknown)


def decode_entry(raw: Any, *, whole_numbers: bool = False, by_client: bool = False) -> ConfigEntry:
    """The entry that parsed JSON describes. Raises EntryDecodeError.

    With ``whole_numbers``, as in HCL, integers stay what they are; else all numbers are floats. It shows in the hash.
    ``by_client`` takes names and tells faults as Consul's API client does (``read_struct``).
    """
    if raw is not None and not is_dict(raw):
        raise EntryDecodeError(f"'' expected a map, got '{go_kind(raw)}'")
    fields = raw or {}
    kind = fields.get("Kind", fields.get("kind", UNSET))
    if kind is UNSET:
        raise EntryDecodeError("Payload does not contain a kind/Kind key at the top level")
    if not isinstance(kind, str):
        raise EntryDecodeError("Kind value in payload is not a string")
    try:
        wanted = kind_of(kind)
    except UnknownKindError as error:
        raise EntryDecodeError(str(error)) from error
    if is_too_deep(fields):
        raise EntryDecodeError(too_deep("''"))
    try:
        entry, unused = read_struct(wanted, fields if whole_numbers else go_numbers(fields), by_client=by_client)
    except (DecodeError, MisfitError) as error:
        raise EntryDecodeError(str(error)) from error
    if unknown := [key for key in unused if key not in ("kind", "Kind")]:
        raise unknown_keys(unknown)
    return entry


def unknown_keys(paths: Sequence[str]) -> EntryDecodeError:
    """The refusal of keys that nobody knows."""
    return EntryDecodeError(multi_error([_unknown_key(path) for path in paths]), paths)


def _unknown_key(key: str) -> str:
    shown = f"invalid config key {quote(key)}"
    if key.lower().endswith("namespace"):
        return f"{shown}, namespaces are a consul enterprise feature"
    if "jwt" in key.lower():
        return f"{shown}, api-gateway jwt validation is a consul enterprise feature"
    return shown
