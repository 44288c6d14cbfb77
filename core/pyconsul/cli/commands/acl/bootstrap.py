"""``consul acl bootstrap``: create the first management token."""

from __future__ import annotations

from pyconsul.cli.acl.shapes import Token, read
from pyconsul.cli.acl.show import format_flag, show
from pyconsul.cli.acl.text import token_text
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.files import data_source_not_raw
from pyconsul.cli.flags import client_flags, server_flags
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] [FILE]"
HELP = """
Creates a token that may do everything. It works once in a cluster. The secret
of the token is made by Consul, or read from a file, or with "-" from standard
input.

    $ consul acl bootstrap
    $ consul acl bootstrap secret.txt
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the format."""
    format_flag(flags)
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Create and print it."""
    if len(args.rest) > 1:
        raise Failed("This command takes up to one argument")
    secret = _secret(args.rest[0], console) if args.rest else ""
    client = console.connect(args)
    with failing("Failed ACL bootstrapping"):
        token = read(Token, client.acl.bootstrap(secret=secret))
    return show(args, console, lambda: token_text(token), token)


def _secret(path: str, console: Console) -> str:
    """The secret in a file. Raises Failed."""
    try:
        return data_source_not_raw(path, console).decode("utf-8", "replace").strip()
    except Failed as error:
        raise Failed(f"Error reading provided token: {error}") from error
