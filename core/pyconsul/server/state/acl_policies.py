"""Writes and lists of ACL policies: names are unique in any letter case, the builtin ones stay as they are."""

from __future__ import annotations

from pyconsul.acl.templated import BUILTIN_POLICIES
from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.state.acl import POLICIES, POLICIES_INDEX, policy_named, policy_with_id
from pyconsul.server.state.indexes import max_index, raise_index
from pyconsul.structs.acl import ACLPolicy
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import changed


def policies_index(db: Store, ws: WatchSet | None = None) -> int:
    """The index of the table."""
    return max_index(db, POLICIES_INDEX, ws=ws)


def all_policies(db: Store, ws: WatchSet | None = None) -> list[ACLPolicy]:
    """All policies in the order of their names."""
    return sorted(db.all(POLICIES, ws), key=lambda policy: policy.Name.lower())


def set_policy(db: Store, index: int, policy: ACLPolicy) -> None:
    """Create or replace a policy. Raises InternalError where a name is taken or a builtin policy would change."""
    if not policy.ID:
        raise InternalError("Missing ACL Policy ID")
    if not policy.Name:
        raise InternalError("Missing ACL Policy Name")
    old = policy_with_id(db, policy.ID)
    if old is not None:
        _refuse_changes_of_builtin(policy)
    same_name = policy_named(db, policy.Name)
    if same_name is not None and same_name.ID != policy.ID:
        raise InternalError(f"A policy with name {quote(policy.Name)} already exists")
    put_policy(db, changed(policy, CreateIndex=old.CreateIndex if old else index, ModifyIndex=index))


def _refuse_changes_of_builtin(policy: ACLPolicy) -> None:
    """Rules are compared with those of this version, so that a newer one may write its own."""
    builtin = BUILTIN_POLICIES.get(policy.ID)
    if builtin is None:
        return
    if policy.Rules != builtin.Rules:
        raise InternalError(f"Changing the Rules for the builtin {builtin.Name} policy is not permitted")
    if policy.Datacenters:
        raise InternalError(f"Changing the Datacenters of the builtin {builtin.Name} policy is not permitted")


def put_policy(db: Store, policy: ACLPolicy) -> None:
    """Store a policy as it is."""
    db.put(POLICIES, policy)
    raise_index(db, policy.ModifyIndex, POLICIES_INDEX)


def delete_policy(db: Store, index: int, policy_id: str) -> None:
    """Drop a policy, if there is one; links to it lead nowhere then. Raises InternalError for builtin ones."""
    policy = policy_with_id(db, policy_id)
    if policy is None:
        return
    if policy.ID in BUILTIN_POLICIES:
        name = BUILTIN_POLICIES[policy.ID].Name
        raise InternalError(f"Deletion of the builtin {name} policy is not permitted")
    db.delete(POLICIES, policy.ID.lower())
    raise_index(db, index, POLICIES_INDEX)
