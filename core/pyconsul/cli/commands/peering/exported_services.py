"""``consul peering exported-services``: the services that a peer is given."""

from __future__ import annotations

from pyconsul.cli.console import Console
from pyconsul.cli.peering_shapes import check_format, find, format_flag, name_flag, peering_flags, require
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] -name NAME"
HELP = """
Lists the services that are exported to a peer.

    $ consul peering exported-services -name west-dc
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the peer."""
    name_flag(flags)
    format_flag(flags)
    peering_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print their names."""
    from pyconsul.structs import gojson

    require(args, "name")
    check_format(args)
    names = find(args, console).StreamStatus.ExportedServices or []
    as_json = args.string("format") == "json"
    console.say(gojson.encode([{"ID": name} for name in names]) if as_json else "\n".join(names))
    return 0
