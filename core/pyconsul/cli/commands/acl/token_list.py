"""``consul acl token list``: all tokens."""

from __future__ import annotations

from pyconsul.cli.acl.shapes import TokenEntry, read_all
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import token_text
from pyconsul.cli.console import Console, failing
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Lists all tokens.

    $ consul acl token list
"""


def add_flags(flags: FlagSet) -> None:
    """Declare how much to show."""
    show_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print them."""
    client = console.connect(args)
    with failing("Failed to retrieve the token list"):
        tokens = read_all(TokenEntry, client.acl.token_list())
    meta = args.boolean("meta")
    return show(args, console, lambda: "\n".join(token_text(token, meta=meta) for token in tokens), tokens)
