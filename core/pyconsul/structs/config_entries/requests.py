"""Messages about config entries.

Entries marshal themselves: the kind comes first, so that the rest can be read.
"""

from __future__ import annotations

from typing import Any

from pyconsul.primitives.untyped import is_dict
from pyconsul.structs import gomsgpack
from pyconsul.structs.config_entries.entry import ConfigEntry
from pyconsul.structs.config_entries.kinds import UnknownKindError, kind_of
from pyconsul.structs.config_entries.service_splitter import ServiceSplitter
from pyconsul.structs.wire import Indexed, ReadRequest, WireStruct

UPSERT = "upsert"
UPSERT_CAS = "upsert-cas"
UPSERT_WITH_STATUS_CAS = "upsert-with-status-cas"
DELETE = "delete"
DELETE_CAS = "delete-cas"


class ConfigEntryRequest(WireStruct, frozen=True, kw_only=True):
    """A write (``wire/fsm.md`` section 5); with an empty ``Op`` it is an entry's snapshot record."""

    Op: str = ""
    Datacenter: str = ""
    Entry: ConfigEntry = ConfigEntry()
    Token: str = ""

    def go_marshal(self) -> bytes:
        """Kind and fields, one behind the other."""
        fields = {
            "Datacenter": self.Datacenter,
            "Entry": gomsgpack.to_plain(self.Entry),
            "Op": self.Op,
            "Token": self.Token,
        }
        # The weights of splits are the only 32-bit floats, and a splitter has no other floats.
        return gomsgpack.pack(self.Entry.kind) + gomsgpack.pack(
            fields, single_floats=isinstance(self.Entry, ServiceSplitter)
        )

    @classmethod
    def go_unmarshal(cls, plain: Any) -> ConfigEntryRequest:
        """Read what ``go_marshal`` writes. Raises DecodeError."""
        data = plain.encode("utf-8", "surrogateescape") if isinstance(plain, str) else plain
        if not isinstance(data, bytes):
            raise gomsgpack.DecodeError("a config entry request is a string")
        values = gomsgpack.unpack_all(data)
        if len(values) != 2 or not is_dict(fields := values[1]):
            raise gomsgpack.DecodeError("a config entry request is a kind and a map")
        try:
            kind = kind_of(str(values[0]))
        except UnknownKindError as error:
            raise gomsgpack.DecodeError(str(error)) from error
        return cls(
            Op=str(fields.get("Op") or ""),
            Datacenter=str(fields.get("Datacenter") or ""),
            Entry=gomsgpack.from_plain(fields.get("Entry"), kind),
            Token=str(fields.get("Token") or ""),
        )


class ConfigEntryQuery(ReadRequest, frozen=True, kw_only=True):
    """Which entry, or all entries of a kind."""

    Kind: str = ""
    Name: str = ""


class ConfigEntryListAllRequest(ReadRequest, frozen=True, kw_only=True):
    """All entries of these kinds."""

    Kinds: list[str] | None = None


class ConfigEntryResponse(Indexed, frozen=True, kw_only=True):
    """One entry, or None."""

    Entry: ConfigEntry | None = None


class IndexedConfigEntries(Indexed, frozen=True, kw_only=True):
    """Entries of one kind, by name."""

    Kind: str = ""
    Entries: list[ConfigEntry] | None = None


class IndexedGenericConfigEntries(Indexed, frozen=True, kw_only=True):
    """Entries of several kinds."""

    Entries: list[ConfigEntry] | None = None


class ConfigEntryDeleteResponse(WireStruct, frozen=True, kw_only=True):
    """Whether anything was deleted."""

    Deleted: bool = False
