"""``consul intention list``: list all intentions."""

from __future__ import annotations

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.cli.output import columns
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Lists all intentions, those first that count first. Only intentions of the old kind have an ID.

    $ consul intention list
"""


def add_flags(flags: FlagSet) -> None:
    """Declare nothing of its own."""
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """List."""
    client = console.connect(args)
    with failing("Failed to retrieve the intentions list"):
        found = client.connect.intention_list()
    if not found:
        raise Failed("There are no intentions.", 2)
    rows = [("ID", "Source", "Action", "Destination", "Precedence")]
    for one in found:
        fields = ("ID", "SourceName", "Action", "DestinationName", "Precedence")
        first, source, action, destination, precedence = (str(one.get(field, "")) for field in fields)
        rows.append((first, source, action, destination, precedence))
    console.say(columns(rows))
    return 0
