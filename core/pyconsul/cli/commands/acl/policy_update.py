"""``consul acl policy update``: change a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.acl.names import policy_by_id, policy_id, policy_id_of_name
from pyconsul.cli.acl.shapes import Policy, read
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import policy_text
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.files import text_source
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk import Client
    from pyconsul.sdk.results import Json

USAGE = "[options] [-id ID | -name NAME]"
HELP = """
Changes those fields of a policy that flags name; with -no-merge the others
become empty. Rules are given as they are, or come from a file (@name) or from
standard input (-).

    $ consul acl policy update -id fdabbcb5-9de5 -description "New" -rules @rules.hcl
    $ consul acl policy update -name web -no-merge -rules @rules.hcl
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which policy, and what to change."""
    flags.string("id", "ID of the policy, or the beginning of it.")
    flags.string("name", "Name of the policy; with -id its new name.")
    flags.string("description", "What the policy is for.")
    flags.strings("valid-datacenter", "Datacenter in which the policy counts. May be repeated.")
    flags.string("rules", "The rules; also @file, or - for standard input.")
    flags.boolean("no-merge", "Empty the fields that no flag names.")
    show_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read it, change it, write it, print it."""
    typed, name = args.string("id"), args.string("name")
    if not typed and not name:
        raise Failed("Must specify either the -id or -name parameters")
    client = console.connect(args)
    with failing("Error determining policy ID"):
        found = policy_id(client, typed) if typed else policy_id_of_name(client, name)
    given = _given(args, _rules(args, console))
    changed = given if args.boolean("no-merge") else _merged(found, given, args, client)
    with failing(f"Error updating policy {quote(found)}"):
        policy = read(Policy, client.acl.policy_update(found, {"ID": found, **changed}))
    return show(args, console, lambda: policy_text(policy, meta=args.boolean("meta")), policy)


def _rules(args: Args, console: Console) -> str:
    try:
        return text_source(args.string("rules"), console)
    except Failed as error:
        raise Failed(f"Error loading data source: {error}") from error


def _given(args: Args, rules: str) -> Json:
    """The fields of the flags."""
    return {
        "Name": args.string("name"),
        "Description": args.string("description"),
        "Datacenters": args.strings("valid-datacenter") or None,
        "Rules": rules,
    }


def _merged(found: str, given: Json, args: Args, client: Client) -> Json:
    """The policy as it is, with the fields whose flags were given. Raises Failed."""
    with failing(f"Error reading policy {quote(found)}"):
        old = policy_by_id(client, found)
    flags = {"Name": "name", "Description": "description", "Datacenters": "valid-datacenter", "Rules": "rules"}
    return {field: given[field] if args.was_set(flag) else old.get(field) for field, flag in flags.items()}
