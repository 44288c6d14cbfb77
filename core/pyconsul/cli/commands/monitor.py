"""``consul monitor``: follow the log of an agent."""

from __future__ import annotations

from pyconsul.lang.goflags import Args, FlagSet

from ..console import Console, failing
from ..flags import client_flags

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
    from pyconsul.sdk.errors import TransportError

    client = console.connect(args)
    as_json = args.boolean("log-json")
    with failing("Error starting JSON monitor" if as_json else "Error starting monitor"):
        stream = client.agent.monitor(log_level=args.string("log-level"), log_json=as_json)
    try:
        with stream:
            for line in stream.lines():
                console.say(line)
                console.flush()
    except KeyboardInterrupt:
        return 0
    except TransportError:
        pass  # the agent went away in the middle of a line, which is the end as well
    console.say("\nRemote side ended the monitor! This usually means that the\nremote side has exited or crashed.")
    return 1
