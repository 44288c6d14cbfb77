"""``consul acl role read``: show one role."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.acl.names import role_id
from pyconsul.cli.acl.shapes import Role, read
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import role_text
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk import Client
    from pyconsul.sdk.results import Json

USAGE = "[options] [-id ID | -name NAME]"
HELP = """
Shows a role. The ID may be cut short as long as it names one role only.

    $ consul acl role read -id fdabbcb5-9de5
    $ consul acl role read -name db
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which role, and how much of it."""
    flags.string("id", "ID of the role, or the beginning of it.")
    flags.string("name", "Name of the role.")
    show_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read and print it."""
    typed, name = args.string("id"), args.string("name")
    if not typed and not name:
        raise Failed("Must specify either the -id or -name parameters")
    client = console.connect(args)
    role = read(Role, _by_id(typed, client) if typed else _by_name(name, client))
    return show(args, console, lambda: role_text(role, meta=args.boolean("meta")), role)


def _by_id(typed: str, client: Client) -> Json:
    with failing("Error determining role ID"):
        found_id = role_id(client, typed)
    with failing(f"Error reading role {quote(found_id)}"):
        found = client.acl.role_read(found_id)
    if found is None:
        raise Failed(f"Role not found with ID {quote(found_id)}")
    return found


def _by_name(name: str, client: Client) -> Json:
    with failing(f"Error reading role {quote(name)}"):
        found = client.acl.role_read_by_name(name)
    if found is None:
        raise Failed(f"Role not found with name {quote(name)}")
    return found
