"""``consul acl policy list``: all policies."""

from __future__ import annotations

from pyconsul.cli.acl.shapes import PolicyEntry, read_all
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import policy_entry_text
from pyconsul.cli.console import Console, failing
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Lists all policies, without their rules.

    $ consul acl policy list
"""


def add_flags(flags: FlagSet) -> None:
    """Declare how much to show."""
    show_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print them."""
    client = console.connect(args)
    with failing("Failed to retrieve the policy list"):
        policies = read_all(PolicyEntry, client.acl.policy_list())
    meta = args.boolean("meta")
    return show(args, console, lambda: "".join(policy_entry_text(one, meta=meta) for one in policies), policies)
