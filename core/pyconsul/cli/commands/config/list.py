"""``consul config list``: the names of all config entries of a kind."""

from __future__ import annotations

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote
from pyconsul.sdk import QueryOptions

USAGE = "[options] -kind KIND"
HELP = """
Lists the names of the config entries of one kind.

    $ consul config list -kind service-defaults
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which entries."""
    flags.string("kind", "Kind of the entries.")
    flags.string("filter", "Expression that entries must fit.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """List."""
    kind = args.string("kind")
    if not kind:
        raise Failed("Must specify the -kind parameter")
    client = console.connect(args, "Error connect to Consul agent")
    with failing(f"Error listing config entries for kind {quote(kind)}"):
        found = client.config.list(kind, QueryOptions(filter=args.string("filter")))
    for entry in found:
        console.say(str(entry.get("Name") or kind))
    return 0
