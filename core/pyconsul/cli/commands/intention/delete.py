"""``consul intention delete``: delete an intention."""

from __future__ import annotations

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] SRC DST"
HELP = """
Deletes the intention between two services, or the one of the old kind with an ID. Between services, one that does
not exist is no error.

    $ consul intention delete web db
"""


def add_flags(flags: FlagSet) -> None:
    """Declare nothing of its own."""
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Delete."""
    client = console.connect(args)
    names = args.rest
    if len(names) not in (1, 2):
        raise Failed("command requires exactly 1 or 2 arguments")
    with failing("Error deleting the intention"):
        if len(names) == 1:
            client.connect.intention_delete_with_id(names[0])
        else:
            client.connect.intention_delete(names[0], names[1])
    console.say("Intention deleted.")
    return 0
