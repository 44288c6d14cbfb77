"""``consul acl binding-rule list``: all binding rules, or those of one auth method."""

from __future__ import annotations

from pyconsul.cli.acl.shapes import BindingRule, read_all
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import binding_rule_entry_text
from pyconsul.cli.console import Console, failing
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Lists binding rules.

    $ consul acl binding-rule list
    $ consul acl binding-rule list -method minikube
"""


def add_flags(flags: FlagSet) -> None:
    """Declare whose rules, and how much to show."""
    flags.string("method", "Only rules of this auth method.")
    show_flags(flags, "indexes")


def run(args: Args, console: Console) -> int:
    """Print them."""
    client = console.connect(args)
    with failing("Failed to retrieve the binding rule list"):
        rules = read_all(BindingRule, client.acl.binding_rule_list(auth_method=args.string("method")))
    meta = args.boolean("meta")
    return show(args, console, lambda: "".join(binding_rule_entry_text(rule, meta=meta) for rule in rules), rules)
