"""``consul acl role update``: change a role."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    service_identities,
    templated_policies,
)
from pyconsul.cli.acl.merging import with_new, with_services
from pyconsul.cli.acl.names import policy_id, role_id
from pyconsul.cli.acl.shapes import Role, read
from pyconsul.cli.acl.show import show, show_flags
from pyconsul.cli.acl.text import role_text
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk import Client
    from pyconsul.sdk.results import Json

USAGE = "[options] -id ID"
HELP = """
Changes a role: what flags name is added to what the role gives already; with
-no-merge it takes the place of all of it.

    $ consul acl role update -id abcd -description "Databases" -policy-name read-keys
    $ consul acl role update -id abcd -no-merge -name db -service-identity db
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which role, and what to change."""
    flags.string("id", "ID of the role, or the beginning of it.")
    flags.string("name", "New name of the role.")
    flags.string("description", "What the role is for.")
    policy_flags(flags)
    identity_flags(flags)
    change_flags(flags)
    flags.boolean("no-merge", "Drop what no flag names.")
    show_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read it, change it, write it, print it."""
    if not args.string("id"):
        raise Failed("Cannot update a role without specifying the -id parameter")
    client = console.connect(args)
    with failing("Error determining role ID"):
        found = role_id(client, args.string("id"))
    given = _given(args)
    with failing("Error when retrieving current role"):
        old = client.acl.role_read(found)
    if old is None:
        raise Failed(f"Role not found with ID {quote(found)}")
    changed = _fresh(given, args, client) if args.boolean("no-merge") else _merged(old, given, args, client)
    with failing(f"Error updating role {quote(found)}"):
        role = read(Role, client.acl.role_update(str(changed["ID"]), changed))
    return show(args, console, lambda: role_text(role, meta=args.boolean("meta")), role)


def _given(args: Args) -> Json:
    """What the flags say without asking the agent. Raises Failed."""
    services = service_identities(args.strings("service-identity"))
    nodes = node_identities(args.strings("node-identity"))
    if any_given(args, REPLACE) and any_given(args, APPEND):
        raise Failed(
            "Cannot combine the use of append-templated-policy flags with replace-templated-policy. "
            "To set or overwrite existing templated policies, "
            "use -replace-templated-policy or -replace-templated-policy-file. "
            "To append to existing templated policies, use -append-templated-policy or -append-templated-policy-file."
        )
    flags = APPEND if any_given(args, APPEND) else REPLACE
    templates = templated_policies(args, flags)
    return {"ServiceIdentities": services, "NodeIdentities": nodes, "TemplatedPolicies": templates}


def _fresh(given: Json, args: Args, client: Client) -> Json:
    """A role of nothing but the flags. Its ID is what was typed: Consul does not complete it here."""
    fields = {"ID": "id", "Name": "name", "Description": "description"}
    named = {field: args.string(flag) for field, flag in fields.items()}
    return {**named, **given, "Policies": policies_of(args, client)}


def _merged(old: Json, given: Json, args: Args, client: Client) -> Json:
    """The role as it is, with what the flags add. Raises Failed."""
    policies = with_new(old.get("Policies") or [], "Name", args.strings("policy-name"))
    whole_ids = resolved(args.strings("policy-id"), "policy", lambda typed: policy_id(client, typed))
    replaces = any_given(args, REPLACE)
    return {
        **old,
        "Name": args.string("name") or old.get("Name", ""),
        "Description": args.string("description") or old.get("Description", ""),
        "Policies": with_new(policies, "ID", whole_ids),
        "ServiceIdentities": with_services(old.get("ServiceIdentities"), given["ServiceIdentities"]),
        "NodeIdentities": _with_nodes(old.get("NodeIdentities") or [], given["NodeIdentities"]),
        "TemplatedPolicies": ([] if replaces else old.get("TemplatedPolicies") or []) + given["TemplatedPolicies"],
    }


def _with_nodes(there: list[Json], new: list[Json]) -> list[Json]:
    """Node identities of both, but of a node in one datacenter no second one in another: Consul leaves that out."""
    found = list(there)
    for one in new:
        clashes = (old["NodeName"] == one["NodeName"] and old["Datacenter"] != one["Datacenter"] for old in found)
        if not any(clashes):
            found.append(one)
    return found
