"""``consul peering delete``: end a peering."""

from __future__ import annotations

from pyconsul.cli.console import Console, failing
from pyconsul.cli.peering_shapes import name_flag, peering_flags, require
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] -name NAME"
HELP = """
Ends a peering; what was imported through it goes as well.

    $ consul peering delete -name west-dc
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the peer."""
    name_flag(flags)
    peering_flags(flags)


def run(args: Args, console: Console) -> int:
    """Delete it."""
    require(args, "name")
    name = args.string("name")
    client = console.connect(args)
    with failing(f"Error deleting peering for {name}"):
        client.peering.delete(name)
    console.say(f"Successfully submitted peering connection, {name}, for deletion")
    return 0
