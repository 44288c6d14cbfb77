"""``consul acl role delete``: delete a role."""

from __future__ import annotations

from pyconsul.cli.acl.names import role_id, role_id_of_name
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options] [-id ID | -name NAME]"
HELP = """
Deletes a role. The ID may be cut short as long as it names one role only.

    $ consul acl role delete -id b6b85
    $ consul acl role delete -name db
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which role."""
    flags.string("id", "ID of the role, or the beginning of it.")
    flags.string("name", "Name of the role.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Delete it."""
    typed, name = args.string("id"), args.string("name")
    if not typed and not name:
        raise Failed("Must specify the -id or -name parameters")
    client = console.connect(args)
    with failing("Error determining role ID"):
        found = role_id(client, typed) if typed else role_id_of_name(client, name)
    with failing(f"Error deleting role {quote(found)}"):
        client.acl.role_delete(found)
    console.say(f"Role {quote(found)} deleted successfully")
    return 0
