"""``consul force-leave``: make a member that failed count as left."""

from __future__ import annotations

from pyconsul.cli.console import Console, UsageFailed, failing
from pyconsul.cli.flags import client_flags, partition_flag
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] name"
HELP = """
Makes a member that has failed count as one that has left, so that the others
stop trying to reach it. A member that is still alive will join again.

With -prune it disappears from the list of members altogether.
"""


def add_flags(flags: FlagSet) -> None:
    """Declare what to do with the member."""
    flags.boolean("prune", "Remove the member from the list of members.")
    flags.boolean("wan", "Remove it only from the gossip pool between datacenters.")
    client_flags(flags)
    partition_flag(flags)


def run(args: Args, console: Console) -> int:
    """Force the member out."""
    if len(args.rest) != 1:
        raise UsageFailed("A single node name must be specified to force leave.")
    client = console.connect(args)
    with failing("Error force leaving"):
        client.agent.force_leave(args.argument(0), prune=args.boolean("prune"), wan=args.boolean("wan"))
    return 0
