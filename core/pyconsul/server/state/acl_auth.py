"""Writes and lists of auth methods and their binding rules. With a method go its rules and the tokens of its logins."""

from __future__ import annotations

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.state.acl import (
    AUTH_METHODS,
    AUTH_METHODS_INDEX,
    BINDING_RULES,
    BINDING_RULES_INDEX,
    TOKENS,
    auth_method_named,
)
from pyconsul.server.state.acl_tokens import delete_token
from pyconsul.server.state.indexes import max_index, raise_index
from pyconsul.server.state.uuid_keys import link_key
from pyconsul.structs.acl_auth import ACLAuthMethod, ACLBindingRule
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import changed


def auth_methods_index(db: Store, ws: WatchSet | None = None) -> int:
    """The index of the table."""
    return max_index(db, AUTH_METHODS_INDEX, ws=ws)


def all_auth_methods(db: Store, ws: WatchSet | None = None) -> list[ACLAuthMethod]:
    """All of them by name."""
    return db.all(AUTH_METHODS, ws)


def set_auth_method(db: Store, index: int, method: ACLAuthMethod) -> None:
    """Create or replace an auth method. Raises InternalError."""
    if not method.Name:
        raise InternalError("Missing ACL Auth Method Name")
    if not method.Type:
        raise InternalError("Missing ACL Auth Method Type")
    old = auth_method_named(db, method.Name)
    put_auth_method(db, changed(method, CreateIndex=old.CreateIndex if old else index, ModifyIndex=index))


def put_auth_method(db: Store, method: ACLAuthMethod) -> None:
    """Store an auth method as it is."""
    db.put(AUTH_METHODS, method)
    raise_index(db, method.ModifyIndex, AUTH_METHODS_INDEX)


def delete_auth_method(db: Store, index: int, name: str) -> None:
    """Drop an auth method, if there is one, with its rules and the tokens that it gave."""
    method = db.delete(AUTH_METHODS, name.lower())
    if method is None:
        return
    raise_index(db, index, AUTH_METHODS_INDEX)
    for rule in db.where(BINDING_RULES, "auth-method", method.Name.lower()):
        delete_binding_rule(db, index, rule.ID)
    for token in db.where(TOKENS, "auth-method", method.Name.lower()):
        delete_token(db, index, token.AccessorID)


def binding_rules_index(db: Store, ws: WatchSet | None = None) -> int:
    """The index of the table."""
    return max_index(db, BINDING_RULES_INDEX, ws=ws)


def binding_rule_with_id(db: Store, rule_id: str, ws: WatchSet | None = None) -> ACLBindingRule | None:
    """The rule, or None. Raises InternalError for what is no UUID."""
    return db.get(BINDING_RULES, link_key(rule_id, "acl binding rule"), ws)


def binding_rules(db: Store, method: str = "", ws: WatchSet | None = None) -> list[ACLBindingRule]:
    """All rules by ID, or those of one auth method."""
    return db.where(BINDING_RULES, "auth-method", method.lower(), ws) if method else db.all(BINDING_RULES, ws)


def set_binding_rule(db: Store, index: int, rule: ACLBindingRule) -> None:
    """Create or replace a rule of an auth method that is there. Raises InternalError."""
    if not rule.ID:
        raise InternalError("Missing ACL Binding Rule ID")
    if not rule.AuthMethod:
        raise InternalError("Missing ACL Binding Rule Auth Method")
    if auth_method_named(db, rule.AuthMethod) is None:
        raise InternalError("failed inserting acl binding rule: auth method not found")
    old = binding_rule_with_id(db, rule.ID)
    put_binding_rule(db, changed(rule, CreateIndex=old.CreateIndex if old else index, ModifyIndex=index))


def put_binding_rule(db: Store, rule: ACLBindingRule) -> None:
    """Store a rule as it is."""
    db.put(BINDING_RULES, rule)
    raise_index(db, rule.ModifyIndex, BINDING_RULES_INDEX)


def delete_binding_rule(db: Store, index: int, rule_id: str) -> None:
    """Drop a rule, if there is one."""
    if db.delete(BINDING_RULES, link_key(rule_id, "acl binding rule")) is not None:
        raise_index(db, index, BINDING_RULES_INDEX)
