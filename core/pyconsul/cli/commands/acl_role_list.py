"""``consul acl role list``: all roles."""

from __future__ import annotations

from pyconsul.lang.goflags import Args, FlagSet

from ..acl.shapes import Role, read_all
from ..acl.show import show, show_flags
from ..acl.text import role_entry_text
from ..console import Console, failing

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
