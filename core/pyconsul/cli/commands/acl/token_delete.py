"""``consul acl token delete``: delete a token."""

from __future__ import annotations

from pyconsul.cli.acl.names import accessor_of, token_id
from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options] -accessor-id ID"
HELP = """
Deletes a token. The accessor ID may be cut short as long as it names one token
only.

    $ consul acl token delete -accessor-id b6b85
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which token."""
    flags.string("accessor-id", "Accessor ID of the token, or the beginning of it.")
    flags.string("id", "Older name of -accessor-id.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Delete it."""
    typed = accessor_of(
        args,
        console,
        "Must specify the -accessor-id parameter",
        "Use the -accessor-id parameter to specify token by Accessor ID.",
    )
    client = console.connect(args)
    with failing("Error determining token ID"):
        accessor = token_id(client, typed)
    with failing(f"Error deleting token {quote(accessor)}"):
        client.acl.token_delete(accessor)
    console.say(f"Token {quote(accessor)} deleted successfully")
    return 0
