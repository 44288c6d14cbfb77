"""``consul catalog datacenters``: the datacenters that the servers know."""

from __future__ import annotations

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags, server_flags
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Lists the known datacenters, the nearest first, by the round trip times of the
servers.
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the common flags."""
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print one datacenter a line."""
    no_arguments(args)
    client = console.connect(args)
    with failing("Error listing datacenters"):
        names = client.catalog.datacenters()
    for name in names:
        console.say(name)
    return 0


def no_arguments(args: Args) -> None:
    """Refuse words after the flags. Raises Failed."""
    if args.rest:
        raise Failed(f"Too many arguments (expected 0, got {len(args.rest)})")
