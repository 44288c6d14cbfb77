"""``consul acl role list``: all roles."""

from __future__ import annotations

from pyconsul.cli.acl.shapes import Role, read_all
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import role_entry_text
from pyconsul.cli.console import Console, failing
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Lists all roles.

    $ consul acl role list
"""


def add_flags(flags: FlagSet) -> None:
    """Declare how much to show."""
    show_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print them."""
    client = console.connect(args)
    with failing("Failed to retrieve the role list"):
        roles = read_all(Role, client.acl.role_list())
    meta = args.boolean("meta")
    return show(args, console, lambda: "".join(role_entry_text(role, meta=meta) for role in roles), roles)
