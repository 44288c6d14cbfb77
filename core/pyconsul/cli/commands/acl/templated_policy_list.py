"""``consul acl templated-policy list``: the templated policies that Consul brings along."""

from __future__ import annotations

from pyconsul.cli.acl.shapes import Template, read
from pyconsul.cli.acl.show import format_flag, show_template
from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options]"
HELP = """
Lists the names of the templated policies.

    $ consul acl templated-policy list
"""


def add_flags(flags: FlagSet) -> None:
    """Declare the format."""
    format_flag(flags)
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print them."""
    client = console.connect(args)
    with failing("Failed to retrieve the templated policies list"):
        found = client.acl.templated_policy_list()
    templates = {name: read(Template, found[name]) for name in sorted(found)}
    names = sorted(template.TemplateName for template in templates.values())
    return show_template(args, console, lambda: "".join(f"{name}\n" for name in names), templates)
