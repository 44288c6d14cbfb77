"""``consul acl templated-policy read``: show one templated policy."""

from __future__ import annotations

from pyconsul.cli.acl.shapes import Template, read
from pyconsul.cli.acl.show import show_flags, show_template
from pyconsul.cli.acl.text import template_text
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options] -name NAME"
HELP = """
Shows what a templated policy is for, and how it is used.

    $ consul acl templated-policy read -name builtin/service
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which templated policy, and how much of it."""
    flags.string("name", "Name of the templated policy.")
    show_flags(flags, "schema and text")


def run(args: Args, console: Console) -> int:
    """Read and print it."""
    name = args.string("name")
    if not name:
        raise Failed("Must specify the -name parameter")
    client = console.connect(args)
    with failing(f"Error reading templated policy {quote(name)}"):
        found = client.acl.templated_policy_read(name)
    if found is None:
        raise Failed(f"Templated policy not found with name {quote(name)}")
    template = read(Template, found)
    return show_template(args, console, lambda: template_text(template, meta=args.boolean("meta")), template)
