"""``consul intention check``: tell whether one service may call another."""

from __future__ import annotations

from pyconsul.cli.console import Console, Failed
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] SRC DST"
HELP = """
Tells whether a call is allowed; the exit code is 0 if it is, 1 if it is not, 2 on errors. Calls that are allowed or
denied by their requests count as denied.

    $ consul intention check web db
"""
BAD_FLAGS_EXIT = 2


def add_flags(flags: FlagSet) -> None:
    """Declare nothing of its own."""
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Ask."""
    from pyconsul.sdk.errors import ConsulError

    if len(args.rest) != 2:
        raise Failed("Error: command requires exactly two arguments: src and dst", 2)
    client = console.connect(args)
    try:
        allowed = client.connect.intention_check(args.rest[0], args.rest[1])
    except ConsulError as error:
        raise Failed(f"Error checking the connection: {error}", 2) from error
    console.say("Allowed" if allowed else "Denied")
    return 0 if allowed else 1
