"""Log entries and snapshot records of auth methods and binding rules."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state.acl import AUTH_METHODS, BINDING_RULES
from pyconsul.server.state.acl_auth import (
    delete_auth_method,
    delete_binding_rule,
    put_auth_method,
    put_binding_rule,
    set_auth_method,
    set_binding_rule,
)
from pyconsul.structs.acl_auth import (
    ACLAuthMethod,
    ACLAuthMethodBatchDeleteRequest,
    ACLAuthMethodBatchSetRequest,
    ACLBindingRule,
    ACLBindingRuleBatchDeleteRequest,
    ACLBindingRuleBatchSetRequest,
)
from pyconsul.structs.messages import MessageType


@applies(MessageType.ACL_BINDING_RULE_SET, ACLBindingRuleBatchSetRequest)
def apply_binding_rule_set(db: Store, index: int, req: ACLBindingRuleBatchSetRequest) -> None:
    """Store rules, all or none. Raises InternalError."""
    for rule in req.BindingRules or ():
        set_binding_rule(db, index, rule)


@applies(MessageType.ACL_BINDING_RULE_DELETE, ACLBindingRuleBatchDeleteRequest)
def apply_binding_rule_delete(db: Store, index: int, req: ACLBindingRuleBatchDeleteRequest) -> None:
    """Drop rules."""
    for rule_id in req.BindingRuleIDs or ():
        delete_binding_rule(db, index, rule_id)


@applies(MessageType.ACL_AUTH_METHOD_SET, ACLAuthMethodBatchSetRequest)
def apply_auth_method_set(db: Store, index: int, req: ACLAuthMethodBatchSetRequest) -> None:
    """Store auth methods, all or none. Raises InternalError."""
    for method in req.AuthMethods or ():
        set_auth_method(db, index, method)


@applies(MessageType.ACL_AUTH_METHOD_DELETE, ACLAuthMethodBatchDeleteRequest)
def apply_auth_method_delete(db: Store, index: int, req: ACLAuthMethodBatchDeleteRequest) -> None:
    """Drop auth methods and what hangs on them."""
    for name in req.AuthMethodNames or ():
        delete_auth_method(db, index, name)


@snapshot_records(MessageType.ACL_BINDING_RULE_SET, ACLBindingRule, load=put_binding_rule)
def binding_rule_rows(frozen: FrozenStore) -> Iterable[ACLBindingRule]:
    """All rules by ID."""
    return frozen.each(BINDING_RULES)


@snapshot_records(MessageType.ACL_AUTH_METHOD_SET, ACLAuthMethod, load=put_auth_method)
def auth_method_rows(frozen: FrozenStore) -> Iterable[ACLAuthMethod]:
    """All auth methods by name."""
    return frozen.each(AUTH_METHODS)
