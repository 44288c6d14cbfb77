"""``consul acl role create``: create a role."""

from __future__ import annotations

from typing import Final

from pyconsul.cli.acl.grants import (
    ATTACH,
    any_given,
    attach_flags,
    identity_flags,
    node_identities,
    policies_of,
    policy_flags,
    service_identities,
    templated_policies,
)
from pyconsul.cli.acl.shapes import Role, read
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import role_text
from pyconsul.cli.console import Console, Failed, UsageFailed, failing
from pyconsul.lang.goflags import Args, FlagSet

USAGE = "[options] -name NAME"
HELP = """
Creates a role: policies, identities and templated policies that tokens can be
given under one name.

    $ consul acl role create -name db -policy-name read-keys -service-identity db
"""

_GRANTS: Final = (
    "policy-name",
    "policy-id",
    "service-identity",
    "node-identity",
    "templated-policy",
    "templated-policy-file",
)


def add_flags(flags: FlagSet) -> None:
    """Declare what the role is, and what it gives."""
    flags.string("name", "Name of the role.")
    flags.string("description", "What the role is for.")
    policy_flags(flags)
    identity_flags(flags)
    attach_flags(flags)
    show_flags(flags)


def run(args: Args, console: Console) -> int:
    """Create and print it."""
    _check(args)
    client = console.connect(args)
    definition = {
        "Name": args.string("name"),
        "Description": args.string("description"),
        "Policies": policies_of(args, client),
        "ServiceIdentities": service_identities(args.strings("service-identity")),
        "NodeIdentities": node_identities(args.strings("node-identity")),
        "TemplatedPolicies": templated_policies(args, ATTACH),
    }
    with failing("Failed to create new role"):
        role = read(Role, client.acl.role_create(definition))
    return show(args, console, lambda: role_text(role, meta=args.boolean("meta")), role)


def _check(args: Args) -> None:
    """Raise Failed for a role without a name or without rights."""
    if not args.string("name"):
        raise UsageFailed("Missing required '-name' flag", spaced=False)
    if not any_given(args, _GRANTS):
        raise Failed(
            "Cannot create a role without specifying -policy-name, -policy-id, -service-identity, -node-identity, "
            "-templated-policy-file or -templated-policy at least once"
        )
    if args.string(ATTACH.name) and args.string(ATTACH.file):
        raise Failed(
            "Cannot combine the use of templated-policy flag with templated-policy-file. "
            "To create a role with a single templated policy and simple use case, use -templated-policy. "
            "For multiple templated policies and more complicated use cases, use -templated-policy-file"
        )
