"""``consul event``: fire a user event."""

from __future__ import annotations

import os

from pyconsul.cli.console import Console, Failed, UsageFailed, failing
from pyconsul.cli.flags import client_flags
from pyconsul.cli.patterns import check_pattern
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] [payload]"
HELP = """
Sends a named event, with a payload if you like, to the nodes of the
datacenter, or to those of them that the filters choose.

    $ consul event -name=deploy -service=web 1609030

Events are passed on by gossip: quickly, but with no promise of order or of
arrival.
"""


def add_flags(flags: FlagSet) -> None:
    """Declare name and filters."""
    flags.string("name", "Name of the event.")
    flags.string("node", "Regular expression for the names of the nodes.")
    flags.string("service", "Regular expression for the names of services on the nodes.")
    flags.string("tag", "Regular expression for the tags of these services; needs -service.")
    client_flags(flags)


def run(args: Args, console: Console) -> int:
    """Fire the event and print its id."""
    name = args.string("name")
    if not name:
        raise UsageFailed("Event name must be specified")
    for kind in ("node", "service", "tag"):
        check_pattern(args.string(kind), f"Failed to compile {kind} filter regexp")
    if args.string("tag") and not args.string("service"):
        raise Failed("Cannot provide tag filter without service filter.")
    if len(args.rest) > 1:
        raise UsageFailed("Too many command line arguments.")
    client = console.connect(args)
    with failing("Error querying Consul agent"):
        client.agent.self()
    with failing("Error firing event"):
        fired = client.event.fire(
            name,
            os.fsencode(args.argument(0)),
            node=args.string("node"),
            service=args.string("service"),
            tag=args.string("tag"),
        )
    console.say(f"Event ID: {fired.ID}")
    return 0
