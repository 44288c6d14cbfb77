"""``consul acl policy read``: show one policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.acl.names import policy_by_id, policy_id, policy_named
from pyconsul.cli.acl.shapes import Policy, read
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import policy_text
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk import Client
    from pyconsul.sdk.results import Json

USAGE = "[options] [-id ID | -name NAME]"
HELP = """
Shows a policy with its rules. The ID may be cut short as long as it names one
policy only.

    $ consul acl policy read -id fdabbcb5-9de5
    $ consul acl policy read -name web
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which policy, and how much of it."""
    flags.string("id", "ID of the policy, or the beginning of it.")
    flags.string("name", "Name of the policy.")
    show_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read and print it."""
    if not args.string("id") and not args.string("name"):
        raise Failed("Must specify either the -id or -name parameters")
    client = console.connect(args)
    policy = read(Policy, _by_id(args.string("id"), client) if args.string("id") else _by_name(args, client))
    return show(args, console, lambda: policy_text(policy, meta=args.boolean("meta")), policy)


def _by_id(typed: str, client: Client) -> Json:
    with failing("Error determining policy ID"):
        found = policy_id(client, typed)
    with failing(f"Error reading policy {quote(f'id:{found}')}"):
        return policy_by_id(client, found)


def _by_name(args: Args, client: Client) -> Json:
    name = args.string("name")
    with failing(f"Error reading policy {quote(f'name:{name}')}"):
        found = policy_named(client, name)
    if found is None:
        raise Failed(f"Error policy not found: {name}")
    return found
