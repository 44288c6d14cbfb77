"""``consul peering list``: all peerings."""

from __future__ import annotations

from pyconsul.cli.console import Console, failing
from pyconsul.cli.output import columns, key_values
from pyconsul.cli.peering_shapes import Peering, check_format, format_flag, peering_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.structs.godecode import into

USAGE = "[options]"
HELP = """
Lists all peerings.

    $ consul peering list
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the format."""
    format_flag(flags)
    peering_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print them by name."""
    from pyconsul.sdk.results import plain
    from pyconsul.structs import gojson

    check_format(args)
    client = console.connect(args, "Error connect to Consul agent")
    with failing("Error listing peerings"):
        found = [into(one, Peering, strict=False) for one in client.peering.list()]
    found.sort(key=lambda peering: peering.Name)
    if args.string("format") == "json":
        console.say(gojson.encode(plain(found)))
    elif not found:
        console.say("There are no peering connections.")
    else:
        header = ["Name", "State", "Imported Svcs", "Exported Svcs", "Meta"]
        console.say(columns([header, *map(_row, found)]))
    return 0


def _row(peering: Peering) -> list[str]:
    status = peering.StreamStatus
    counts = [str(len(names or ())) for names in (status.ImportedServices, status.ExportedServices)]
    return [peering.Name, peering.State, *counts, key_values(peering.Meta or {}, ",")]
