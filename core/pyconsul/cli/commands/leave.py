"""``consul leave``: make an agent leave its cluster and stop."""

from __future__ import annotations

from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import client_flags
from pyconsul.cli.output import go_list
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Makes the agent tell the others that it leaves, and then stop.
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the common flags."""
    client_flags(flags)


def run(args: Args, console: Console) -> int:
    """Leave."""
    if args.rest:
        from pyconsul.cli.help import command_help

        console.complain(f"Error found unexpected args: {go_list(args.rest)}")
        console.say(command_help("leave"))
        return 1
    client = console.connect(args)
    with failing("Error leaving"):
        client.agent.leave()
    console.say("Graceful leave complete")
    return 0
