"""``consul acl policy create``: create a policy."""

from __future__ import annotations

from pyconsul.cli.acl.shapes import Policy, read
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import policy_text
from pyconsul.cli.console import Console, Failed, UsageFailed, failing
from pyconsul.cli.files import text_source
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] -name NAME"
HELP = """
Creates a policy. Its rules are given as they are, or come from a file (@name)
or from standard input (-).

    $ consul acl policy create -name web -rules 'service "web" { policy = "write" }'
    $ consul acl policy create -name dns -rules @dns.hcl -valid-datacenter dc1
"""


def add_flags(flags: FlagSet) -> None:
    """Declare what the policy is."""
    flags.string("name", "Name of the policy.")
    flags.string("description", "What the policy is for.")
    flags.strings("valid-datacenter", "Datacenter in which the policy counts; all without it. May be repeated.")
    flags.string("rules", "The rules; also @file, or - for standard input.")
    show_flags(flags)


def run(args: Args, console: Console) -> int:
    """Create and print it."""
    if not args.string("name"):
        raise UsageFailed("Missing required '-name' flag", spaced=False)
    client = console.connect(args)
    definition = {
        "Name": args.string("name"),
        "Description": args.string("description"),
        "Datacenters": args.strings("valid-datacenter") or None,
        "Rules": _rules(args, console),
    }
    with failing("Failed to create new policy"):
        policy = read(Policy, client.acl.policy_create(definition))
    return show(args, console, lambda: policy_text(policy, meta=args.boolean("meta")), policy)


def _rules(args: Args, console: Console) -> str:
    try:
        return text_source(args.string("rules"), console)
    except Failed as error:
        raise Failed(f"Error loading rules: {error}") from error
