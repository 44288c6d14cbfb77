"""RPC methods of ACL policies."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pyconsul.acl import PolicyRules, RulesError, parse_rules
from pyconsul.acl.hashing import hash_of_policy
from pyconsul.acl.names import policy_name_fault
from pyconsul.acl.templated import BUILTIN_POLICIES
from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store, WatchSet
from pyconsul.primitives.ids import uuid_fault
from pyconsul.server.aside import aside
from pyconsul.server.blame import blamed
from pyconsul.server.endpoints.acl import acl_reader, require_acl_writer
from pyconsul.server.registry import rpc
from pyconsul.server.state.acl import policy_named, policy_with_id
from pyconsul.server.state.acl_policies import all_policies, policies_index
from pyconsul.structs.acl import (
    RESERVED_PREFIX,
    ACLPolicy,
    ACLPolicyBatchDeleteRequest,
    ACLPolicyBatchSetRequest,
    ACLPolicyDeleteRequest,
    ACLPolicyGetRequest,
    ACLPolicyListResponse,
    ACLPolicyListStub,
    ACLPolicyResponse,
    ACLPolicySetRequest,
)
from pyconsul.structs.catalog import DCSpecificRequest
from pyconsul.structs.errors import AclNotFound, InternalError
from pyconsul.structs.messages import MessageType
from pyconsul.structs.wire import UnsetType, changed

if TYPE_CHECKING:
    from pyconsul.server.server import Server


@rpc("ACL.PolicyRead")
async def read_policy(srv: Server, ask: ACLPolicyGetRequest) -> ACLPolicyResponse:
    """A policy by ID, else by name, or null."""

    def read(db: Store, ws: WatchSet) -> ACLPolicyResponse:
        acl_reader(srv, ask.Token, ws)
        found = policy_with_id(db, ask.PolicyID, ws) if ask.PolicyID else policy_named(db, ask.PolicyName, ws)
        return ACLPolicyResponse(Index=policies_index(db, ws), Policy=found)

    return await srv.read(ask, read, found=lambda reply: reply.Policy is not None, content=lambda reply: reply.Policy)


@rpc("ACL.PolicyList")
async def list_policies(srv: Server, ask: DCSpecificRequest) -> ACLPolicyListResponse:
    """All policies by name, without their rules."""

    def read(db: Store, ws: WatchSet) -> ACLPolicyListResponse:
        acl_reader(srv, ask.Token, ws)
        stubs = [_stub(policy) for policy in all_policies(db, ws)]
        return ACLPolicyListResponse(Index=policies_index(db, ws), Policies=stubs or None)

    return await srv.read(ask, read)


def _stub(policy: ACLPolicy) -> ACLPolicyListStub:
    return ACLPolicyListStub(
        ID=policy.ID,
        Name=policy.Name,
        Description=policy.Description,
        Datacenters=None if isinstance(policy.Datacenters, UnsetType) else policy.Datacenters,
        Hash=policy.Hash,
        CreateIndex=policy.CreateIndex,
        ModifyIndex=policy.ModifyIndex,
    )


@rpc("ACL.PolicySet")
async def set_policy(srv: Server, req: ACLPolicySetRequest) -> ACLPolicy:
    """Create a policy, or replace the one with this ID. Raises InternalError."""
    require_acl_writer(srv, req.Token)
    policy = req.Policy
    rules = await aside(len(policy.Rules), lambda: _read_rules(policy.Rules))  # before all looks at what is stored
    if not policy.Name:
        raise InternalError("Invalid Policy: no Name is set")
    if fault := policy_name_fault(policy.Name):
        raise InternalError(f"Invalid Policy: invalid Name. {fault}")
    if policy.ID:
        _refuse_bad_update(srv.db, policy)
    else:
        if policy_named(srv.db, policy.Name) is not None:
            raise InternalError(f"Invalid Policy: A Policy with Name {quote(policy.Name)} already exists")
        policy = changed(policy, ID=unused_id(srv.db, policy_with_id))
    if isinstance(rules, RulesError):
        raise InternalError(str(rules)) from rules
    policy = changed(policy, Hash=hash_of_policy(policy))
    srv.acl.keep_rules(policy.Rules, rules)
    with blamed("Failed to apply policy upsert request"):
        await srv.propose(MessageType.ACL_POLICY_SET, ACLPolicyBatchSetRequest(Policies=[policy]))
    return policy_with_id(srv.db, policy.ID) or ACLPolicy()


def unused_id(db: Store, find: Callable[[Store, str], Any]) -> str:
    """A new ID under which ``find`` finds nothing."""
    while True:
        new = str(uuid.uuid4())
        if find(db, new) is None and not new.startswith(RESERVED_PREFIX):
            return new


def _refuse_bad_update(db: Store, policy: ACLPolicy) -> None:
    if uuid_fault(policy.ID):
        raise InternalError("Policy ID invalid UUID")
    known, same_name = policy_with_id(db, policy.ID), policy_named(db, policy.Name)
    if known is None:
        raise InternalError(f"cannot find policy {policy.ID}")
    if known.Name != policy.Name and same_name is not None:
        raise InternalError(f"Invalid Policy: A policy with name {quote(policy.Name)} already exists")
    if builtin := BUILTIN_POLICIES.get(policy.ID):
        if isinstance(policy.Datacenters, list):
            raise InternalError(f"Changing the Datacenters of the {builtin.Name} policy is not permitted")
        if policy.Rules != known.Rules:
            raise InternalError(f"Changing the Rules for the builtin {builtin.Name} policy is not permitted")


def _read_rules(text: str) -> PolicyRules | RulesError:
    try:
        return parse_rules(text)
    except RulesError as error:
        return error


@rpc("ACL.PolicyDelete")
async def delete_policy(srv: Server, req: ACLPolicyDeleteRequest) -> str:
    """Drop a policy; answers its name. Raises AclNotFound where there is none."""
    require_acl_writer(srv, req.Token)
    policy = policy_with_id(srv.db, req.PolicyID)
    if policy is None:
        raise AclNotFound(f"policy does not exist: {AclNotFound.default_text}")
    if builtin := BUILTIN_POLICIES.get(policy.ID):
        raise InternalError(f"Delete operation not permitted on the builtin {builtin.Name} policy")
    with blamed("Failed to apply policy delete request"):
        await srv.propose(MessageType.ACL_POLICY_DELETE, ACLPolicyBatchDeleteRequest(PolicyIDs=[req.PolicyID]))
    return policy.Name
