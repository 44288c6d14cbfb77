"""``consul monitor``: follow the log of an agent."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import client_flags
from pyconsul.cli.signals import Stopped, stoppable
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from pyconsul.sdk import Client

USAGE = "[options]"
HELP = """
Prints the log of the agent from now on, at a level of your choice, whatever
the agent itself writes to its log. Ctrl-C ends it.
"""


def add_flags(flags: FlagSet) -> None:
    """Declare level and form."""
    flags.string("log-level", "Level from which on to print.", "INFO")
    flags.boolean("log-json", "Print each entry as JSON.")
    client_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print line after line until one side ends it."""
    client = console.connect(args)
    with stoppable() as signals:
        try:
            signals.run(client, partial(_follow, args, client, console))
        except Stopped:
            return 0
    console.say("\nRemote side ended the monitor! This usually means that the\nremote side has exited or crashed.")
    return 1


def _follow(args: Args, client: Client, console: Console) -> None:
    """Print until the agent ends it. Raises Failed when it does not begin."""
    from pyconsul.sdk.errors import TransportError

    as_json = args.boolean("log-json")
    with failing("Error starting JSON monitor" if as_json else "Error starting monitor"):
        stream = client.agent.monitor(log_level=args.string("log-level"), log_json=as_json)
    with suppress(TransportError), stream:  # in the middle of a line, it is the end as well
        for line in stream.lines():
            console.tell(line)
