"""Writes and lists of ACL roles: names are unique in any letter case, every policy that one links to is there."""

from __future__ import annotations

from pyconsul.acl.templated import TEMPLATES, variables_fault
from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.state.acl import (
    ROLES,
    ROLES_INDEX,
    policy_with_id,
    refuse_empty_identities,
    resolved,
    role_named,
    role_with_id,
    with_names,
)
from pyconsul.server.state.indexes import max_index, raise_index
from pyconsul.server.state.uuid_keys import link_key, uuid_key
from pyconsul.structs.acl import ACLRole, ACLTemplatedPolicy
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import changed, omit


def roles_index(db: Store, ws: WatchSet | None = None) -> int:
    """The index of the table."""
    return max_index(db, ROLES_INDEX, ws=ws)


def all_roles(db: Store, policy: str = "", ws: WatchSet | None = None) -> list[ACLRole]:
    """All roles in the order of their names, or those with this policy in that of their IDs, as they are shown.

    Raises InternalError for a policy's ID that is no UUID.
    """
    if policy:
        rows = db.where(ROLES, "policy", link_key(policy, "acl role"), ws)
    else:
        rows = sorted(db.all(ROLES, ws), key=lambda role: role.Name.lower())
    return [with_names(db, role, ws) for role in rows]


def set_role(db: Store, index: int, role: ACLRole, *, allow_missing: bool = False) -> None:
    """Create or replace a role. Raises InternalError where a name is taken or something that it gives is not there."""
    if not role.ID:
        raise InternalError("Missing ACL Role ID")
    if not role.Name:
        raise InternalError("Missing ACL Role Name")
    old = role_with_id(db, role.ID)
    same_name = role_named(db, role.Name)
    if same_name is not None and same_name.ID != role.ID:
        raise InternalError(f"A role with name {quote(role.Name)} already exists")
    links = resolved(
        "a Role with policies", role.Policies, lambda key: policy_with_id(db, key), allow_missing=allow_missing
    )
    refuse_empty_identities("Role", role)
    templated = omit([_templated(role, one) for one in role.TemplatedPolicies or ()])
    put_role(
        db,
        changed(
            role,
            Policies=links,
            TemplatedPolicies=templated,
            CreateIndex=old.CreateIndex if old else index,
            ModifyIndex=index,
        ),
    )


def _templated(role: ACLRole, given: ACLTemplatedPolicy) -> ACLTemplatedPolicy:
    """The templated policy with its template's ID. Raises InternalError for one that cannot be made."""
    who = f"encountered a Role {role.Name} ({role.ID})"
    name = given.TemplateName or ""
    if not name:
        raise InternalError(f"{who} with an empty templated policy name in the state store")
    template = TEMPLATES.get(name)
    if template is None:
        raise InternalError(f"{who} with an invalid templated policy name {quote(name)}")
    if fault := variables_fault(given):
        raise InternalError(f"{who} with an invalid templated policy: {fault}")
    return given if given.TemplateID else changed(given, TemplateID=template.template_id)


def put_role(db: Store, role: ACLRole) -> None:
    """Store a role as it is."""
    db.put(ROLES, role)
    raise_index(db, role.ModifyIndex, ROLES_INDEX)


def delete_role(db: Store, index: int, role_id: str) -> None:
    """Drop a role, if there is one; tokens that have it keep a link to nowhere."""
    if db.delete(ROLES, uuid_key(role_id, "acl role")) is not None:
        raise_index(db, index, ROLES_INDEX)
