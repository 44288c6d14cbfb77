"""``consul acl binding-rule delete``: delete a binding rule."""

from __future__ import annotations

from pyconsul.cli.acl.names import binding_rule_id
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options] -id ID"
HELP = """
Deletes a binding rule. The ID may be cut short as long as it names one rule
only.

    $ consul acl binding-rule delete -id b6b85
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which rule."""
    flags.string("id", "ID of the rule, or the beginning of it.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Delete it."""
    if not args.string("id"):
        raise Failed("Must specify the -id parameter")
    client = console.connect(args)
    with failing("Error determining binding rule ID"):
        found = binding_rule_id(client, args.string("id"))
    with failing(f"Error deleting binding rule {quote(found)}"):
        client.acl.binding_rule_delete(found)
    console.say(f"Binding rule {quote(found)} deleted successfully")
    return 0
