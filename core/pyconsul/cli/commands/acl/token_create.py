"""``consul acl token create``: create a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyconsul.cli.acl.grants import (
    ATTACH,
    any_given,
    attach_flags,
    identity_flags,
    node_identities,
    policies_of,
    policy_flags,
    role_flags,
    roles_of,
    service_identities,
    templated_policies,
)
from pyconsul.cli.acl.shapes import Token, read
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import token_text
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from pyconsul.sdk import Client
    from pyconsul.sdk.results import Json

USAGE = "[options]"
HELP = """
Creates a token with the rights of policies, roles, identities and templated
policies. IDs may be cut short as long as they name one object only.

    $ consul acl token create -description "Replication" -policy-id b52fc3de-5
    $ consul acl token create -role-name db-updater -service-identity web:east,west
    $ consul acl token create -templated-policy builtin/service -var name:web
"""

_GRANTS: Final = (
    "policy-name",
    "policy-id",
    "role-name",
    "role-id",
    "service-identity",
    "node-identity",
    "templated-policy",
    "templated-policy-file",
)


def add_flags(flags: FlagSet) -> None:
    """Declare what the token may do, and how it is made."""
    flags.string("accessor", "UUID to have as the accessor ID; one is made otherwise.")
    flags.string("secret", "UUID to have as the secret ID; one is made otherwise.")
    flags.boolean("local", "The token counts in this datacenter only.")
    flags.string("description", "What the token is for.")
    flags.duration("expires-ttl", "Time after which the token ends.")
    policy_flags(flags)
    role_flags(flags)
    identity_flags(flags)
    attach_flags(flags)
    show_flags(flags)


def run(args: Args, console: Console) -> int:
    """Create and print it."""
    if not any_given(args, _GRANTS):
        raise Failed(
            "Cannot create a token without specifying -policy-name, -policy-id, -role-name, -role-id, "
            "-service-identity, -node-identity, -templated-policy, or -templated-policy-file at least once"
        )
    if args.string(ATTACH.name) and args.string(ATTACH.file):
        raise Failed(
            "Cannot combine the use of templated-policy flag with templated-policy-file. "
            "To create a token with a single templated policy and simple use case, use -templated-policy. "
            "For multiple templated policies and more complicated use cases, use -templated-policy-file"
        )
    client = console.connect(args)
    definition = _definition(args, client)
    with failing("Failed to create new token"):
        token = read(Token, client.acl.token_create(definition))
    return show(args, console, lambda: token_text(token, meta=args.boolean("meta")), token)


def _definition(args: Args, client: Client) -> Json:
    """The token of the flags. Raises Failed."""
    ttl = args.duration("expires-ttl")
    return {
        "Description": args.string("description"),
        "Local": args.boolean("local"),
        "AccessorID": args.string("accessor"),
        "SecretID": args.string("secret"),
        **({"ExpirationTTL": ttl} if ttl > 0 else {}),
        "ServiceIdentities": service_identities(args.strings("service-identity")),
        "NodeIdentities": node_identities(args.strings("node-identity")),
        "TemplatedPolicies": templated_policies(args, ATTACH),
        "Policies": policies_of(args, client),
        "Roles": roles_of(args, client),
    }
