"""``consul snapshot decode``: every record of a snapshot as a line of JSON."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, cast

from pyconsul.cli.console import Console, Failed
from pyconsul.cli.snapshot_files import file_argument, opened
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
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
        return without_zeros(row) if isinstance(row, Struct) else row
    return _readable(gomsgpack.unpack(record.data))


def _readable(value: Any) -> Any:
    """A value for JSON: the names in maps as text and in order."""
    if isinstance(value, dict):
        items = cast("dict[Any, Any]", value)
        return {str(name): _readable(items[name]) for name in sorted(items, key=str)}
    if isinstance(value, list):
        return [_readable(item) for item in cast("list[Any]", value)]
    return value
