"""``consul acl token update``: change a token."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from pyconsul.cli.acl.grants import (
    APPEND,
    REPLACE,
    any_given,
    change_flags,
    identity_flags,
    node_identities,
    policies_of,
    policy_flags,
    resolved,
    role_flags,
    roles_of,
    service_identities,
    templated_policies,
)
from pyconsul.cli.acl.merging import with_new, with_nodes, with_services
from pyconsul.cli.acl.names import accessor_of, policy_id, role_id, token_id
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
Changes a token: its description, and what it is given. Policies and roles
stay where no flag names others; identities are replaced, unless flags that
begin with -append- add to them.

    $ consul acl token update -accessor-id abcd -description "Replication"
    $ consul acl token update -accessor-id abcd -append-policy-name dns
"""

_SWITCHES: Final = {
    "merge-policies": "Older way of -append-policy-id and -append-policy-name.",
    "merge-roles": "Older way of -append-role-id and -append-role-name.",
    "merge-service-identities": "Older way of -append-service-identity.",
    "merge-node-identities": "Older way of -append-node-identity.",
}


def add_flags(flags: FlagSet) -> None:
    """Declare which token, and what to change."""
    flags.string("accessor-id", "Accessor ID of the token, or the beginning of it.")
    flags.string("id", "Older name of -accessor-id.")
    flags.string("description", "What the token is for.")
    policy_flags(flags)
    role_flags(flags)
    identity_flags(flags)
    for what in ("policy", "role"):
        flags.strings(f"append-{what}-id", f"ID of a {what} to add, or the beginning of one. May be repeated.")
        flags.strings(f"append-{what}-name", f"Name of a {what} to add. May be repeated.")
    flags.strings("append-service-identity", "Service identity to add. May be repeated.")
    flags.strings("append-node-identity", "Node identity to add. May be repeated.")
    change_flags(flags)
    for name, usage in _SWITCHES.items():
        flags.boolean(name, usage)
    show_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read it, change it, write it, print it."""
    typed = accessor_of(
        args,
        console,
        "Cannot update a token without specifying the -accessor-id parameter",
        "Use the -accessor-id parameter to specify token by Accessor ID",
    )
    client = console.connect(args)
    with failing("Error determining token ID"):
        accessor = token_id(client, typed)
    with failing("Error when retrieving current token"):
        old = client.acl.token_read(accessor)
    changed = _changed(old, args, console, client)
    with failing(f"Failed to update token {accessor}"):
        token = read(Token, client.acl.token_update(str(old["AccessorID"]), changed))
    return show(args, console, lambda: token_text(token, meta=args.boolean("meta")), token)


def _changed(old: Json, args: Args, console: Console, client: Client) -> Json:
    """The token as it shall be. Raises Failed."""
    _check_identities(args, "service")
    services = service_identities(args.strings("append-service-identity") or args.strings("service-identity"))
    _check_identities(args, "node")
    nodes = node_identities(args.strings("append-node-identity") or args.strings("node-identity"))
    templates = _templates(old, args)
    adds_services = args.boolean("merge-service-identities") or bool(args.strings("append-service-identity"))
    adds_nodes = args.boolean("merge-node-identities") or bool(args.strings("append-node-identity"))
    return {
        **old,
        "Description": args.string("description") or old.get("Description", ""),
        "Policies": _policies(old, args, console, client),
        "Roles": _roles(old, args, console, client),
        "ServiceIdentities": with_services(old.get("ServiceIdentities"), services) if adds_services else services,
        "NodeIdentities": with_nodes(old.get("NodeIdentities"), nodes) if adds_nodes else nodes,
        "TemplatedPolicies": templates,
    }


def _check_identities(args: Args, what: str) -> None:
    """Raise Failed where identities are set and added at once."""
    if args.strings(f"{what}-identity") and args.strings(f"append-{what}-identity"):
        raise Failed(
            f"Cannot combine the use of {what}-identity flag with append-{what}-identity. "
            f"To set or overwrite existing {what} identities, use -{what}-identity. "
            f"To append to existing {what} identities, use -append-{what}-identity."
        )


def _templates(old: Json, args: Args) -> list[Json]:
    """The templated policies. Raises Failed."""
    if any_given(args, REPLACE) and any_given(args, APPEND):
        raise Failed(
            "Cannot combine the use of -append-templated-policy flags with replace-templated-policy. "
            "To set or overwrite existing templated policies, "
            "use -replace-templated-policy or -replace-templated-policy-file. "
            "To append to existing templated policies, use -append-templated-policy or -append-templated-policy-file."
        )
    if any_given(args, REPLACE):
        return templated_policies(args, REPLACE)
    return [*(old.get("TemplatedPolicies") or ()), *templated_policies(args, APPEND)]


def _policies(old: Json, args: Args, console: Console, client: Client) -> list[Json]:
    there: list[Json] = old.get("Policies") or []
    if not args.boolean("merge-policies"):
        return _links(there, args, "policy", "policies", lambda prefix: policies_of(args, client, prefix))
    _warn(console, "policies", "policy")
    named = with_new(there, "Name", args.strings("policy-name"))
    return with_new(named, "ID", resolved(args.strings("policy-id"), "policy", lambda one: policy_id(client, one)))


def _roles(old: Json, args: Args, console: Console, client: Client) -> list[Json]:
    there: list[Json] = old.get("Roles") or []
    if not args.boolean("merge-roles"):
        return _links(there, args, "role", "roles", lambda prefix: roles_of(args, client, prefix))
    _warn(console, "roles", "role")
    links = with_new(there, "Name", args.strings("role-name"))
    for found in resolved(args.strings("role-id"), "role", lambda one: role_id(client, one)):
        if all(link.get("ID") != found for link in links):
            links.append({"Name": found})  # as in Consul, where the server then looks for a role of that name
    return links


def _links(there: list[Json], args: Args, what: str, many: str, links: Callable[[str], list[Json]]) -> list[Json]:
    """The links of the plain flags, or those that are there with those of the -append- flags. Raises Failed."""
    replaces = any_given(args, (f"{what}-id", f"{what}-name"))
    if replaces and any_given(args, (f"append-{what}-id", f"append-{what}-name")):
        raise Failed(
            f"Cannot combine the use of {what}-id/{what}-name flags with append- variants. "
            f"To set or overwrite existing {many}, use -{what}-id or -{what}-name. "
            f"To append to existing {many}, use -append-{what}-id or -append-{what}-name."
        )
    return links("") if replaces else [*there, *links("append-")]


def _warn(console: Console, many: str, what: str) -> None:
    console.complain(
        f"merge-{many} is deprecated and will be removed in a future Consul version. "
        f"Use `append-{what}-name` or `append-{what}-id` instead."
    )
