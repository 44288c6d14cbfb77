"""Tokens, policies, roles, binding rules and auth methods.

Every one is found by its ID in any letter case, and by what it links to. Links hold IDs; the names that go with them
are looked up when they are read, for a policy may have been renamed since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, TypeVar

from pyconsul.acl.templated import SERVICE_TEMPLATE
from pyconsul.memdb import Index, Store, Table, WatchSet
from pyconsul.server.state.indexes import max_index
from pyconsul.server.state.system_metadata import INDEX as METADATA_INDEX
from pyconsul.server.state.uuid_keys import link_key, uuid_key
from pyconsul.structs.acl import ACLLink, ACLPolicy, ACLRole, ACLToken, expiration_of
from pyconsul.structs.acl_auth import ACLAuthMethod, ACLBindingRule
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import UNSET, UnsetType, changed, omit

Linked = TypeVar("Linked", ACLToken, ACLRole)
Links = list[ACLLink] | UnsetType | None

TOKENS_INDEX: Final = "acl-tokens"
POLICIES_INDEX: Final = "acl-policies"
ROLES_INDEX: Final = "acl-roles"
BINDING_RULES_INDEX: Final = "acl-binding-rules"
AUTH_METHODS_INDEX: Final = "acl-auth-methods"
BOOTSTRAP_INDEX: Final = "acl-token-bootstrap"


LOCAL: Final = "local"
GLOBAL: Final = "global"


def _ends(token: ACLToken) -> tuple[datetime, ...]:
    """When its time is over; nothing for a token that lasts."""
    end = expiration_of(token)
    return () if end is None else (end,)


def _ids(links: Links) -> tuple[str, ...]:
    return tuple(dict.fromkeys(link.ID.lower() for link in links or ()))


def _services(token: ACLToken) -> Iterable[str]:
    """The services that a token is made for, by identity or by template."""
    for identity in token.ServiceIdentities or ():
        yield identity.ServiceName.lower()
    for templated in token.TemplatedPolicies or ():
        variables = templated.TemplateVariables
        if templated.TemplateName == SERVICE_TEMPLATE and variables and variables.name:
            yield variables.name.lower()


TOKENS: Table[ACLToken] = Table(
    name="acl-tokens",
    primary=lambda t: t.AccessorID.lower(),
    indexes={
        "secret": Index(lambda t: (t.SecretID,)),
        "policy": Index(lambda t: _ids(t.Policies)),
        "role": Index(lambda t: _ids(t.Roles)),
        "auth-method": Index(lambda t: (t.AuthMethod.lower(),) if t.AuthMethod else ()),
        "service": Index(lambda t: tuple(dict.fromkeys(_services(t)))),
        "local-expires": Index(lambda t: _ends(t) if t.Local else (), ordered=True),
        "global-expires": Index(lambda t: () if t.Local else _ends(t), ordered=True),
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
    return max_index(db, TOKENS_INDEX, POLICIES_INDEX, ROLES_INDEX, METADATA_INDEX, ws=ws)


def token_with_secret(db: Store, secret: str, ws: WatchSet | None = None) -> ACLToken | None:
    """The token that this secret belongs to."""
    found = db.where(TOKENS, "secret", secret, ws)
    return found[0] if found else None


def token_with_accessor(db: Store, accessor: str, ws: WatchSet | None = None) -> ACLToken | None:
    """The token with this accessor ID. Raises InternalError for what is no UUID."""
    return db.get(TOKENS, link_key(accessor, "acl token"), ws)


def policy_with_id(db: Store, policy_id: str, ws: WatchSet | None = None) -> ACLPolicy | None:
    """The policy, or None. Raises InternalError for what is no UUID."""
    return db.get(POLICIES, uuid_key(policy_id, "acl policy"), ws)


def policy_named(db: Store, name: str, ws: WatchSet | None = None) -> ACLPolicy | None:
    """The policy of that name in any letter case."""
    found = db.where(POLICIES, "name", name.lower(), ws)
    return found[0] if found else None


def role_with_id(db: Store, role_id: str, ws: WatchSet | None = None) -> ACLRole | None:
    """The role, or None. Raises InternalError for what is no UUID."""
    return db.get(ROLES, uuid_key(role_id, "acl role"), ws)


def role_named(db: Store, name: str, ws: WatchSet | None = None) -> ACLRole | None:
    """The role of that name in any letter case."""
    found = db.where(ROLES, "name", name.lower(), ws)
    return found[0] if found else None


def auth_method_named(db: Store, name: str, ws: WatchSet | None = None) -> ACLAuthMethod | None:
    """The auth method of that name in any letter case."""
    return db.get(AUTH_METHODS, name.lower(), ws)


def resolved(
    owner: str, links: Links, find: Callable[[str], ACLPolicy | ACLRole | None], *, allow_missing: bool
) -> Links:
    """Links as they are stored: with the names of what they lead to, none where they may lead nowhere.

    ``owner`` is for error texts, "a Token with policies". Raises InternalError.
    """
    return omit([_resolved(owner, link, find, allow_missing=allow_missing) for link in links or ()])


def _resolved(
    owner: str, link: ACLLink, find: Callable[[str], ACLPolicy | ACLRole | None], *, allow_missing: bool
) -> ACLLink:
    if not link.ID:
        raise InternalError(f"Encountered {owner} linked by Name in the state store")
    target = find(link.ID)
    if target is None and not allow_missing:
        kind = "role" if owner.endswith("roles") else "policy"
        raise InternalError(f"No such {kind} with ID: {link.ID}")
    return changed(link, Name=target.Name if target else "")


def refuse_empty_identities(owner: str, row: ACLToken | ACLRole) -> None:
    """Raise InternalError for identities that say nothing of whom they are; ``owner`` is "Token" or "Role"."""
    begin = f"Encountered a {owner} with an empty"
    if any(not one.ServiceName for one in row.ServiceIdentities or ()):
        raise InternalError(f"{begin} service identity name in the state store")
    for node in row.NodeIdentities or ():
        if not node.NodeName:
            raise InternalError(f"{begin} node identity name in the state store")
        if not node.Datacenter:
            raise InternalError(f"{begin} node identity datacenter in the state store")


def with_names(db: Store, row: Linked, ws: WatchSet | None = None) -> Linked:
    """A token or role as it is shown: links carry the present names, and those that lead nowhere are left out."""
    policies = _named(row.Policies, lambda link: policy_with_id(db, link.ID, ws))
    if isinstance(row, ACLRole):
        return row if policies == row.Policies else changed(row, Policies=policies)
    roles = _named(row.Roles, lambda link: role_with_id(db, link.ID, ws))
    return row if (policies, roles) == (row.Policies, row.Roles) else changed(row, Policies=policies, Roles=roles)


def _named(links: Links, find: Callable[[ACLLink], ACLPolicy | ACLRole | None]) -> Links:
    if not links:
        return UNSET
    found = ((link, find(link)) for link in links)
    return omit([changed(link, Name=target.Name) for link, target in found if target is not None])
