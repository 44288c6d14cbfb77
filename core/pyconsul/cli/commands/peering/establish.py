"""``consul peering establish``: accept the peering token of another cluster."""

from __future__ import annotations

from pyconsul.cli.console import Console, failing
from pyconsul.cli.peering_shapes import name_flag, peering_flags, require
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] -name NAME -peering-token TOKEN"
HELP = """
Peers with the cluster that made the token.

    $ consul peering establish -name east-dc -peering-token TOKEN
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the peer and its token."""
    name_flag(flags)
    flags.string("peering-token", "Token of the other cluster.")
    flags.mapping("meta", "key=value for the peering's metadata. May be repeated.")
    peering_flags(flags)


def run(args: Args, console: Console) -> int:
    """Establish it."""
    require(args, "name", "peering-token")
    name = args.string("name")
    client = console.connect(args)
    with failing(f"Error establishing peering for {name}"):
        client.peering.establish(name, args.string("peering-token"), meta=args.mapping("meta") or None)
    console.say(f"Successfully established peering connection with {name}")
    return 0
