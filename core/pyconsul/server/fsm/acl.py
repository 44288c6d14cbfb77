"""Log entries and snapshot records of ACL tokens, policies and roles."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state.acl import POLICIES, ROLES, TOKENS
from pyconsul.server.state.acl_policies import delete_policy, put_policy, set_policy
from pyconsul.server.state.acl_roles import delete_role, put_role, set_role
from pyconsul.server.state.acl_tokens import TokenRules, bootstrap, delete_token, put_token, set_token
from pyconsul.structs.acl import (
    ACLPolicy,
    ACLPolicyBatchDeleteRequest,
    ACLPolicyBatchSetRequest,
    ACLRole,
    ACLRoleBatchDeleteRequest,
    ACLRoleBatchSetRequest,
    ACLToken,
    ACLTokenBatchDeleteRequest,
    ACLTokenBatchSetRequest,
    ACLTokenBootstrapRequest,
)
from pyconsul.structs.messages import MessageType


@applies(MessageType.ACL_BOOTSTRAP, ACLTokenBootstrapRequest)
def apply_bootstrap(db: Store, index: int, req: ACLTokenBootstrapRequest) -> None:
    """Store the first management token. Raises InternalError after the first time."""
    bootstrap(db, index, req.Token, req.ResetIndex)


@applies(MessageType.ACL_TOKEN_SET, ACLTokenBatchSetRequest)
def apply_token_set(db: Store, index: int, req: ACLTokenBatchSetRequest) -> None:
    """Store tokens, all or none. Raises InternalError."""
    rules = TokenRules(
        cas=req.CAS,
        allow_missing=req.AllowMissingLinks,
        must_grant=req.ProhibitUnprivileged,
        replicated=req.FromReplication,
    )
    for token in req.Tokens or ():
        set_token(db, index, token, rules)


@applies(MessageType.ACL_TOKEN_DELETE, ACLTokenBatchDeleteRequest)
def apply_token_delete(db: Store, index: int, req: ACLTokenBatchDeleteRequest) -> None:
    """Drop tokens. Raises InternalError for the anonymous one."""
    for accessor in req.TokenIDs or ():
        delete_token(db, index, accessor)


@applies(MessageType.ACL_POLICY_SET, ACLPolicyBatchSetRequest)
def apply_policy_set(db: Store, index: int, req: ACLPolicyBatchSetRequest) -> None:
    """Store policies, all or none. Raises InternalError."""
    for policy in req.Policies or ():
        set_policy(db, index, policy)


@applies(MessageType.ACL_POLICY_DELETE, ACLPolicyBatchDeleteRequest)
def apply_policy_delete(db: Store, index: int, req: ACLPolicyBatchDeleteRequest) -> None:
    """Drop policies. Raises InternalError for builtin ones."""
    for policy_id in req.PolicyIDs or ():
        delete_policy(db, index, policy_id)


@applies(MessageType.ACL_ROLE_SET, ACLRoleBatchSetRequest)
def apply_role_set(db: Store, index: int, req: ACLRoleBatchSetRequest) -> None:
    """Store roles, all or none. Raises InternalError."""
    for role in req.Roles or ():
        set_role(db, index, role, allow_missing=req.AllowMissingLinks)


@applies(MessageType.ACL_ROLE_DELETE, ACLRoleBatchDeleteRequest)
def apply_role_delete(db: Store, index: int, req: ACLRoleBatchDeleteRequest) -> None:
    """Drop roles."""
    for role_id in req.RoleIDs or ():
        delete_role(db, index, role_id)


@snapshot_records(MessageType.ACL_TOKEN_SET, ACLToken, load=put_token)
def token_rows(frozen: FrozenStore) -> Iterable[ACLToken]:
    """All tokens by secret, as Consul writes them, where that is the first index of the table."""
    return sorted(frozen.each(TOKENS), key=lambda token: token.SecretID.encode("utf-8", "surrogateescape"))


@snapshot_records(MessageType.ACL_POLICY_SET, ACLPolicy, load=put_policy)
def policy_rows(frozen: FrozenStore) -> Iterable[ACLPolicy]:
    """All policies by ID."""
    return frozen.each(POLICIES)


@snapshot_records(MessageType.ACL_ROLE_SET, ACLRole, load=put_role)
def role_rows(frozen: FrozenStore) -> Iterable[ACLRole]:
    """All roles by ID."""
    return frozen.each(ROLES)
