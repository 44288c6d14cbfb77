"""``consul join``: make an agent join a cluster."""

from __future__ import annotations

from pyconsul.cli.console import Console, UsageFailed
from pyconsul.cli.flags import client_flags, partition_flag
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] address ..."
HELP = """
Makes the agent join the cluster of any of the addresses.

    $ consul join 10.0.0.1 10.0.0.2:8301
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which pool."""
    flags.boolean("wan", "Join servers of other datacenters instead.")
    client_flags(flags)
    partition_flag(flags)


def run(args: Args, console: Console) -> int:
    """Try every address; one that works is enough."""
    from pyconsul.sdk.errors import ConsulError

    if not args.rest:
        raise UsageFailed("At least one address to join must be specified.")
    client = console.connect(args)
    joined = 0
    for address in args.rest:
        try:
            client.agent.join(address, wan=args.boolean("wan"))
            joined += 1
        except ConsulError as e:
            console.complain(f"Error joining address '{address}': {e}")
    if not joined:
        console.complain("Failed to join any nodes.")
        return 1
    console.say(f"Successfully joined cluster by contacting {joined} nodes.")
    return 0
