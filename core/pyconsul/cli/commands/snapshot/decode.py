"""``consul snapshot decode``: every record of a snapshot as a line of JSON."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from pyconsul.cli.console import Console, Failed
from pyconsul.cli.snapshot_files import file_argument, opened
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from msgspec import Struct

    from pyconsul.raft.records import Record

USAGE = "[options] FILE"
HELP = """
Verifies a snapshot file and prints each of its records as one line of JSON:
first the header, then what the servers' state consists of.

    {"Data":{...},"Type":"SnapshotHeader"}
    {"Data":{...},"Type":"Register"}

Mind that the output holds everything, tokens and private keys included.
"""
BAD_FLAGS = "{}"


def add_flags(flags: FlagSet) -> None:
    """There are none."""


def run(args: Args, console: Console) -> int:
    """Print the records."""
    path = file_argument(args)

    from pyconsul.raft.archive import ArchiveError
    from pyconsul.raft.records import StateReader, record_name
    from pyconsul.structs import gojson
    from pyconsul.structs.gomsgpack import DecodeError

    with opened(path) as (meta, state):
        console.say(b'{"Data":' + meta.to_json().rstrip() + b',"Type":"SnapshotHeader"}')
        try:
            for record in StateReader(state):
                name = record_name(record.number)
                console.say(gojson.encode({"Data": _value(record), "Type": name}))
        except (ArchiveError, DecodeError) as e:
            raise Failed(f"Error extracting snapshot data: {e}") from e
    return 0


@cache
def _types() -> dict[int, Any]:
    """The structs of the records, by number."""
    from pyconsul.server import families
    from pyconsul.server.fsm.registry import RECORD_KINDS

    del families  # imported for what it registers
    return {number: kind.row for number, kind in RECORD_KINDS.items()}


def _value(record: Record) -> Any:
    """A record as its struct where there is one, else with Go's field names as they stand."""
    from msgspec import Struct

    from pyconsul.structs import gomsgpack
    from pyconsul.structs.catalog_input import without_zeros

    known = _types().get(record.number)
    if known is not None:
        row = gomsgpack.decode(record.data, known)
        return _printed(without_zeros(row)) if isinstance(row, Struct) else row
    found = gomsgpack.unpack(record.data)
    if isinstance(found, str):  # a message in another encoding, as those of peering are
        return found.encode("utf-8", "surrogateescape")
    return _readable(found)


def _printed(row: Struct) -> Any:
    """A row as Go's types print themselves.

    Addresses are text, the lifetime of an auth method's tokens comes first, the token of a write behind what it writes.
    """
    from msgspec import UNSET
    from msgspec.structs import asdict

    from pyconsul.primitives.durations import format_duration
    from pyconsul.server.state.virtual_ips import FreeVirtualIP, ServiceVirtualIP
    from pyconsul.structs import gojson
    from pyconsul.structs.acl_auth import ACLAuthMethod
    from pyconsul.structs.wire import WriteRequest

    fields = {name: gojson.sorted_map(value) for name, value in asdict(row).items() if value is not UNSET}
    match row:
        case ServiceVirtualIP() | FreeVirtualIP():
            return fields | {"IP": _address(row.IP)}
        case ACLAuthMethod():
            ttl = fields.pop("MaxTokenTTL", None)
            return ({} if ttl is None else {"MaxTokenTTL": format_duration(ttl)}) | fields
        case WriteRequest():
            last = {name: fields.pop(name) for name in ("Token", "CreateIndex", "ModifyIndex") if name in fields}
            return fields | last
        case _:
            return row


def _address(octets: bytes | None) -> str:
    """An address of 4 or 16 octets as text, empty for none."""
    from ipaddress import IPv6Address, ip_address

    if not octets:
        return ""
    address = ip_address(octets)
    return str((address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address)


def _readable(value: Any) -> Any:
    """A value for JSON: the names in maps as text and in order."""
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value)
        return {str(name): _readable(items[name]) for name in sorted(items, key=str)}
    if isinstance(value, list):
        return [_readable(item) for item in cast("list[Any]", value)]
    return value
