"""``consul acl auth-method delete``: delete an auth method."""

from __future__ import annotations

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options] -name NAME"
HELP = """
Deletes an auth method. Its binding rules and the tokens of its logins go with it.

    $ consul acl auth-method delete -name minikube
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which auth method."""
    flags.string("name", "Name of the auth method.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Delete it."""
    name = args.string("name")
    if not name:
        raise Failed("Must specify the -name parameter")
    client = console.connect(args)
    with failing(f"Error deleting auth method {quote(name)}"):
        client.acl.auth_method_delete(name)
    console.say(f"Auth method {quote(name)} deleted successfully")
    return 0
