"""``consul acl auth-method list``: all auth methods."""

from __future__ import annotations

from pyconsul.cli.acl.shapes import AuthMethodEntry, read_all
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import auth_method_entry_text
from pyconsul.cli.console import Console, failing
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Lists all auth methods, without their configuration.

    $ consul acl auth-method list
"""


def add_flags(flags: FlagSet) -> None:
    """Declare how much to show."""
    show_flags(flags, "indexes")


def run(args: Args, console: Console) -> int:
    """Print them."""
    client = console.connect(args)
    with failing("Failed to retrieve the auth method list"):
        methods = read_all(AuthMethodEntry, client.acl.auth_method_list())
    meta = args.boolean("meta")
    return show(args, console, lambda: "".join(auth_method_entry_text(one, meta=meta) for one in methods), methods)
