"""``consul acl token clone``: make a token with the rights of another."""

from __future__ import annotations

from pyconsul.cli.acl.names import accessor_of, token_id
from pyconsul.cli.acl.shapes import Token, read
from pyconsul.cli.acl.show import format_flag, show
from pyconsul.cli.acl.text import token_text
from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Creates a token with the rights of another one, and with another description
where one is given.

    $ consul acl token clone -accessor-id 59f86 -description "Clone of 59f86"
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which token, and what to call the new one."""
    flags.string("accessor-id", "Accessor ID of the token, or the beginning of it, or anonymous.")
    flags.string("id", "Older name of -accessor-id.")
    flags.string("description", "What the new token is for.")
    format_flag(flags)
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Create and print it."""
    typed = accessor_of(
        args,
        console,
        "Cannot update a token without specifying the -accessor-id parameter",
        "The -id parameter is deprecated. Use the -accessor-id parameter instead.",
    )
    client = console.connect(args)
    with failing("Error determining token Accessor ID"):
        accessor = token_id(client, typed)
    with failing("Error cloning token"):
        token = read(Token, client.acl.token_clone(accessor, description=args.string("description")))
    return show(args, console, lambda: token_text(token), token)
