"""``consul logout``: destroy the token that ``login`` made."""

from __future__ import annotations

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags, server_flags
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Destroys the token of the request, if it was made by "consul login".

    $ consul logout -token-file=token
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the common flags."""
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Log out."""
    if args.rest:
        raise Failed("Should have no non-flag arguments.")
    client = console.connect(args)
    with failing("Error destroying token"):
        client.acl.logout()
    return 0
