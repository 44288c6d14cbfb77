"""``consul reload``: make an agent read its configuration files again."""

from __future__ import annotations

from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import client_flags
from pyconsul.lang.goflags import Args, FlagSet

USAGE = ""
HELP = """
Makes the agent read its configuration files again, as SIGHUP does.
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the common flags."""
    client_flags(flags)


def run(args: Args, console: Console) -> int:
    """Reload."""
    client = console.connect(args)
    with failing("Error reloading"):
        client.agent.reload()
    console.say("Configuration reload triggered")
    return 0
