"""``consul acl binding-rule create``: create a binding rule."""

from __future__ import annotations

from pyconsul.cli.acl.binding import bind_flags, check_variables
from pyconsul.cli.acl.grants import variables_of
from pyconsul.cli.acl.shapes import BindingRule, read
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import binding_rule_text
from pyconsul.cli.console import Console, UsageFailed, failing
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] -method METHOD -bind-name NAME"
HELP = """
Creates a rule that says what those who log in through an auth method are
given. Names may take in values of the identity, as in ${serviceaccount.name}.

    $ consul acl binding-rule create -method minikube -bind-type service \\
          -bind-name 'k8s-${serviceaccount.name}' \\
          -selector 'serviceaccount.namespace==default'
"""


def add_flags(flags: FlagSet) -> None:
    """Declare what the rule says."""
    flags.string("method", "Name of the auth method for whose logins the rule is.")
    bind_flags(flags)
    show_flags(flags, "indexes")


def run(args: Args, console: Console) -> int:
    """Create and print it."""
    for name in ("method", "bind-type", "bind-name"):
        if not args.string(name):
            raise UsageFailed(f"Missing required '-{name}' flag", spaced=False)
    check_variables(args, "Cannot specify -bind-vars when -bind-type is not templated-policy")
    definition = {
        "Description": args.string("description"),
        "AuthMethod": args.string("method"),
        "BindType": args.string("bind-type"),
        "BindName": args.string("bind-name"),
        "BindVars": variables_of(args.mapping("bind-vars")),
        "Selector": args.string("selector"),
    }
    client = console.connect(args)
    with failing("Failed to create new binding rule"):
        rule = read(BindingRule, client.acl.binding_rule_create(definition))
    return show(args, console, lambda: binding_rule_text(rule, meta=args.boolean("meta")), rule)
