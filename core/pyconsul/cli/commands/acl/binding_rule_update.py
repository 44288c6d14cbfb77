"""``consul acl binding-rule update``: change a binding rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.acl.binding import TEMPLATED, bind_flags, check_variables
from pyconsul.cli.acl.grants import variables_of
from pyconsul.cli.acl.names import binding_rule_id
from pyconsul.cli.acl.shapes import BindingRule, read
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import binding_rule_text
from pyconsul.cli.console import Console, Failed, UsageFailed, failing
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk.results import Json

USAGE = "[options] -id ID"
HELP = """
Changes those fields of a binding rule that flags name; with -no-merge the
others become empty. The type becomes "service" unless -bind-type is given.

    $ consul acl binding-rule update -id 43cb72df-9c6f -description "New" -bind-name web
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which rule, and what to change."""
    flags.string("id", "ID of the rule, or the beginning of it.")
    bind_flags(flags)
    flags.boolean("no-merge", "Empty the fields that no flag names.")
    show_flags(flags, "indexes")


def run(args: Args, console: Console) -> int:
    """Read it, change it, write it, print it."""
    if not args.string("id"):
        raise Failed("Cannot update a binding rule without specifying the -id parameter")
    client = console.connect(args)
    with failing("Error determining binding rule ID"):
        found = binding_rule_id(client, args.string("id"))
    with failing("Error when retrieving current binding rule"):
        old = client.acl.binding_rule_read(found)
    if old is None:
        raise Failed(f"Binding rule not found with ID {quote(found)}")
    changed = _fresh(old, args) if args.boolean("no-merge") else _merged(old, args)
    with failing(f"Error updating binding rule {quote(found)}"):
        rule = read(BindingRule, client.acl.binding_rule_update(found, {**changed, "ID": found}))
    return show(args, console, lambda: binding_rule_text(rule, meta=args.boolean("meta")), rule)


def _fresh(old: Json, args: Args) -> Json:
    """A rule of nothing but the flags, for the same auth method. Raises UsageFailed."""
    for name in ("bind-type", "bind-name"):
        if not args.string(name):
            raise UsageFailed(f"Missing required '-{name}' flag", spaced=False)
    check_variables(args, "-bind-vars cannot be specified when -bind-type is not templated-policy")
    return {
        "AuthMethod": old.get("AuthMethod", ""),
        "Description": args.string("description"),
        "BindType": args.string("bind-type"),
        "BindVars": variables_of(args.mapping("bind-vars")),
        "BindName": args.string("bind-name"),
        "Selector": args.string("selector"),
    }


def _merged(old: Json, args: Args) -> Json:
    """The rule as it is, with the fields of the flags."""
    fields = {"Description": "description", "BindType": "bind-type", "BindName": "bind-name"}
    given = {field: args.string(flag) for field, flag in fields.items() if args.string(flag)}
    if args.was_set("selector"):
        given["Selector"] = args.string("selector")
    variables = variables_of(args.mapping("bind-vars")) or old.get("BindVars")
    return {**old, **given, "BindVars": variables if args.string("bind-type") == TEMPLATED else None}
