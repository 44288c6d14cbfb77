"""``consul acl token read``: show one token, or all that counts for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.acl.names import accessor_of, token_id
from pyconsul.cli.acl.shapes import ExpandedToken, Token, read
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import token_text
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk import Client

USAGE = "[options] -accessor-id ID"
HELP = """
Shows a token. The accessor ID may be cut short as long as it names one token
only, or be "anonymous".

    $ consul acl token read -accessor-id 986193
    $ consul acl token read -self
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which token, and how much of it."""
    flags.string("accessor-id", "Accessor ID of the token, or the beginning of it.")
    flags.string("id", "Older name of -accessor-id.")
    flags.boolean("self", "Show the token of this request.")
    flags.boolean("expanded", "Show the rules of all that the token links to as well.")
    show_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read and print it."""
    client = console.connect(args)
    if args.boolean("self"):
        return _show_own(args, console, client)
    typed = accessor_of(
        args,
        console,
        "Must specify the -accessor-id parameter",
        "Use the -accessor-id parameter to specify token by Accessor ID",
    )
    with failing("Error determining token ID"):
        accessor = token_id(client, typed)
    with failing(f"Error reading token {quote(accessor)}"):
        found = client.acl.token_read(accessor, expanded=args.boolean("expanded"))
    token = read(Token, found)
    if args.boolean("expanded"):
        return _show_expanded(args, console, token, read(ExpandedToken, found))
    return _show(args, console, token)


def _show_own(args: Args, console: Console, client: Client) -> int:
    if args.boolean("expanded"):
        raise Failed("Cannot use both -expanded and -self. Instead, use -expanded and -accessor-id=<accessor id>.")
    with failing("Error reading token"):
        token = read(Token, client.acl.token_read_self())
    return _show(args, console, token)


def _show(args: Args, console: Console, token: Token) -> int:
    return show(args, console, lambda: token_text(token, meta=args.boolean("meta")), token)


def _show_expanded(args: Args, console: Console, token: Token, expanded: ExpandedToken) -> int:
    from pyconsul.cli.acl.expanded import expanded_text
    from pyconsul.sdk.results import plain

    merged = {**plain(expanded), **plain(token)}
    return show(args, console, lambda: expanded_text(token, expanded, meta=args.boolean("meta")), merged)
