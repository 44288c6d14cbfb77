"""``consul snapshot inspect``: what a snapshot holds, by kind of record and by key prefix."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pyconsul.cli.console import Console, Failed
from pyconsul.cli.output import json_text, tab_stops
from pyconsul.cli.snapshot_files import file_argument, opened
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from pyconsul.raft.archive import Meta
    from pyconsul.raft.records import Count, Statistics

USAGE = "[options] FILE"
HELP = """
Verifies a snapshot file and shows how many records of each kind it has, and
how many bytes they take.

    $ consul snapshot inspect backup.snap

With -kvdetails the keys of the key-value store are counted by prefix.
"""
BAD_FLAGS = "{}"

_RULE = " ----\t----\t----"
_UNITS = (("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1))


def add_flags(flags: FlagSet) -> None:
    """Declare what to count."""
    flags.boolean("kvdetails", "Count keys and bytes of the key-value store by prefix, too.")
    flags.integer("kvdepth", "With -kvdetails: how many parts of a key make a prefix.", 2)
    flags.string("kvfilter", "With -kvdetails: count only keys that begin with this text.")
    flags.string("format", "Output format: pretty or json.", "pretty")


def run(args: Args, console: Console) -> int:
    """Print the figures."""
    path = file_argument(args)

    from pyconsul.raft.archive import ArchiveError
    from pyconsul.raft.records import statistics

    depth = args.integer("kvdepth") if args.boolean("kvdetails") else None
    with opened(path) as (meta, state):
        try:
            found = statistics(state, kv_depth=depth, kv_filter=args.string("kvfilter"))
        except ArchiveError as e:
            raise Failed(f"Error extracting snapshot data: {e}") from e
    layouts = {"pretty": _pretty, "json": _json}
    layout = layouts.get(args.string("format"))
    if layout is None:
        raise Failed(f"Error outputting enhanced snapshot data: Unknown format: {args.string('format')}")
    console.say(layout(meta, found))
    return 0


def _pretty(meta: Meta, found: Statistics) -> str:
    about = (("ID", meta.id), ("Size", meta.size), ("Index", meta.index), ("Term", meta.term))
    lines = [f" {name}\t{value}" for name, value in (*about, ("Version", meta.version))]
    lines += ["", *_table("Type", found.by_type.values(), found.total_bytes)]
    if found.by_prefix:
        lines += ["", *_table("Key Name", found.by_prefix.values(), found.total_kv_bytes)]
    return tab_stops("\n".join(lines), minimum=8)


def _table(title: str, counts: Iterable[Count], total: int) -> list[str]:
    rows = [f" {c.name}\t{c.count}\t{_size(c.size_bytes)}" for c in counts]
    return [f" {title}\tCount\tSize", _RULE, *rows, _RULE, f" Total\t\t{_size(total)}"]


def _size(size: int) -> str:
    """Bytes in the largest unit that leaves at least one, with one decimal unless it is zero."""
    for unit, factor in _UNITS:
        if size >= factor:
            return f"{size / factor:.1f}".removesuffix(".0") + unit
    return "0"


def _json(meta: Meta, found: Statistics) -> str:
    about = {
        "ID": meta.id,
        "Size": meta.size,
        "Index": meta.index,
        "Term": meta.term,
        "Version": meta.version,
    }
    prefixes = _rows(found.by_prefix.values())
    document = {
        "Meta": about,
        "Stats": _rows(found.by_type.values()),
        "StatsKV": prefixes or None,
        "TotalSize": found.total_bytes,
        "TotalSizeKV": found.total_kv_bytes,
    }
    return json_text(document, "   ")


def _rows(counts: Iterable[Count]) -> list[dict[str, str | int]]:
    return [{"Name": c.name, "Sum": c.size_bytes, "Count": c.count} for c in counts]
