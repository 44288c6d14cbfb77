"""``consul acl binding-rule read``: show one binding rule."""

from __future__ import annotations

from pyconsul.cli.acl.names import binding_rule_id
from pyconsul.cli.acl.shapes import BindingRule, read
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import binding_rule_text
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options] -id ID"
HELP = """
Shows a binding rule. The ID may be cut short as long as it names one rule only.

    $ consul acl binding-rule read -id fdabbcb5-9de5
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which rule, and how much of it."""
    flags.string("id", "ID of the rule, or the beginning of it.")
    show_flags(flags, "indexes")


def run(args: Args, console: Console) -> int:
    """Read and print it."""
    if not args.string("id"):
        raise Failed("Must specify the -id parameter.")
    client = console.connect(args)
    with failing("Error determining binding rule ID"):
        found_id = binding_rule_id(client, args.string("id"))
    with failing(f"Error reading binding rule {quote(found_id)}"):
        found = client.acl.binding_rule_read(found_id)
    if found is None:
        raise Failed(f"Binding rule not found with ID {quote(found_id)}")
    rule = read(BindingRule, found)
    return show(args, console, lambda: binding_rule_text(rule, meta=args.boolean("meta")), rule)
