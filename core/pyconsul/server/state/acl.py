"""Tokens, policies, roles, binding rules and auth methods.

Every one is found by its ID in any letter case, and by what it links to. Links hold IDs; the names that go with them
are looked up when they are read, for a policy may have been renamed since.
"""

from __future__ import annotations

from typing import Final

from pyconsul.memdb import Index, Store, Table, WatchSet
from pyconsul.server.state.indexes import max_index
from pyconsul.structs.acl import ACLAuthMethod, ACLBindingRule, ACLLink, ACLPolicy, ACLRole, ACLToken
from pyconsul.structs.wire import UnsetType

TOKENS_INDEX: Final = "acl-tokens"
POLICIES_INDEX: Final = "acl-policies"
ROLES_INDEX: Final = "acl-roles"
BINDING_RULES_INDEX: Final = "acl-binding-rules"
AUTH_METHODS_INDEX: Final = "acl-auth-methods"
BOOTSTRAP_INDEX: Final = "acl-token-bootstrap"


def _ids(links: list[ACLLink] | UnsetType | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(link.ID.lower() for link in links or ()))


TOKENS: Table[ACLToken] = Table(
    name="acl-tokens",
    primary=lambda t: t.AccessorID.lower(),
    indexes={
        "secret": Index(lambda t: (t.SecretID,)),
        "policy": Index(lambda t: _ids(t.Policies)),
        "role": Index(lambda t: _ids(t.Roles)),
        "auth-method": Index(lambda t: (t.AuthMethod.lower(),) if t.AuthMethod else ()),
    },
)
POLICIES: Table[ACLPolicy] = Table(
    name="acl-policies",
    primary=lambda p: p.ID.lower(),
    indexes={"name": Index(lambda p: (p.Name.lower(),))},
)
ROLES: Table[ACLRole] = Table(
    name="acl-roles",
    primary=lambda r: r.ID.lower(),
    indexes={"name": Index(lambda r: (r.Name.lower(),)), "policy": Index(lambda r: _ids(r.Policies))},
)
BINDING_RULES: Table[ACLBindingRule] = Table(
    name="acl-binding-rules",
    primary=lambda r: r.ID.lower(),
    indexes={"auth-method": Index(lambda r: (r.AuthMethod.lower(),))},
)
AUTH_METHODS: Table[ACLAuthMethod] = Table(name="acl-auth-methods", primary=lambda m: m.Name.lower())


def acl_index(db: Store, ws: WatchSet | None = None) -> int:
    """The newest index of all that decides what tokens may do; ``ws`` fires when any of it changes."""
    return max_index(db, TOKENS_INDEX, POLICIES_INDEX, ROLES_INDEX, ws=ws)


def token_with_secret(db: Store, secret: str, ws: WatchSet | None = None) -> ACLToken | None:
    """The token that this secret belongs to."""
    found = db.where(TOKENS, "secret", secret, ws)
    return found[0] if found else None


def token_with_accessor(db: Store, accessor: str, ws: WatchSet | None = None) -> ACLToken | None:
    """The token with this accessor ID."""
    return db.get(TOKENS, accessor.lower(), ws)


def policy_with_id(db: Store, policy_id: str, ws: WatchSet | None = None) -> ACLPolicy | None:
    """The policy, or None."""
    return db.get(POLICIES, policy_id.lower(), ws)


def role_with_id(db: Store, role_id: str, ws: WatchSet | None = None) -> ACLRole | None:
    """The role, or None."""
    return db.get(ROLES, role_id.lower(), ws)
