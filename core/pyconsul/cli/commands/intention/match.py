"""``consul intention match``: list the intentions that have to do with a service."""

from __future__ import annotations

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.cli.intention_text import summary
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] SRC|DST"
HELP = """
Lists the intentions that match a service as destination, or with -source as source, those first that count first.

    $ consul intention match db
    $ consul intention match -source web
"""
BAD_FLAGS_EXIT = 2


def add_flags(flags: FlagSet) -> None:
    """Declare the side."""
    flags.boolean("source", "Match the service as source.")
    flags.boolean("destination", "Match the service as destination; the default.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """List."""
    if len(args.rest) != 1:
        raise Failed("Error: command requires exactly one argument: src or dst")
    if args.boolean("source") and args.boolean("destination"):
        raise Failed("Error: only one of -source or -destination may be specified")
    client = console.connect(args)
    name = args.rest[0]
    with failing("Error matching the connection"):
        found = client.connect.intention_match("source" if args.boolean("source") else "destination", [name])
    for one in found.get(name) or ():
        console.say(summary(one))
    return 0
