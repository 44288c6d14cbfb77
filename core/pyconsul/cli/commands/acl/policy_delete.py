"""``consul acl policy delete``: delete a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.acl.names import policy_id, policy_id_of_name
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk import Client

USAGE = "[options] [-id ID | -name NAME]"
HELP = """
Deletes a policy. The ID may be cut short as long as it names one policy only.

    $ consul acl policy delete -id fdabbcb5-9de5
    $ consul acl policy delete -name web
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which policy."""
    flags.string("id", "ID of the policy, or the beginning of it.")
    flags.string("name", "Name of the policy.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Delete it."""
    typed, name = args.string("id"), args.string("name")
    if not typed and not name:
        raise Failed("Must specify either the -id or -name parameters")
    client = console.connect(args)
    with failing("Error determining policy ID"):
        found = policy_id(client, typed) if typed else policy_id_of_name(client, name)
    with failing(f"Error deleting policy {quote(found)}"):
        _delete(client, found)
    console.say(f"Policy {quote(found)} deleted successfully")
    return 0


def _delete(client: Client, found: str) -> None:
    """Delete it. Raises ConsulError, which never says why the agent refused: Consul closes that answer unread."""
    from pyconsul.sdk.errors import UnexpectedStatus

    try:
        client.acl.policy_delete(found)
    except UnexpectedStatus as error:
        raise UnexpectedStatus(error.status, "") from error
