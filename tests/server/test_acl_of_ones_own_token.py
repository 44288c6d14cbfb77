"""What a token is worth, as other agents ask about the one that they were shown, and for how long that holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from pyconsul.acl import Access, PolicyRules
from pyconsul.acl.templated import MANAGEMENT_ID
from pyconsul.memdb import WatchSet
from pyconsul.raft.archive import Server as Peer
from pyconsul.raft.single import MemoryVoter
from pyconsul.server.acl import AclSettings
from pyconsul.server.blocking import REPLY_WATCH
from pyconsul.server.server import Server, ServerConfig
from pyconsul.structs.acl import (
    ACLAuthorizationRequest,
    ACLLink,
    ACLPolicy,
    ACLPolicyBatchGetRequest,
    ACLPolicySetRequest,
    ACLRole,
    ACLRoleBatchGetRequest,
    ACLRoleSetRequest,
    ACLToken,
    ACLTokenGetRequest,
    ACLTokenListRequest,
    ACLTokenSetRequest,
    RemoteACLAuthorizationRequest,
)
from pyconsul.structs.errors import AclNotFound, InternalError, PermissionDenied

ROOT = "b8a5e0b4-7a9e-4f0c-9d5e-1f2a3b4c5d6e"
NODE = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that leads, with ACLs on."""
    settings = AclSettings(enabled=True, default_policy="deny", initial_management=ROOT)
    config = ServerConfig(datacenter="dc1", node_name="n1", node_id=NODE, acl=settings)
    made = Server(config, lambda fsm: MemoryVoter(fsm, Peer(NODE, "127.0.0.1:8300")))
    await made.start()
    yield made
    await made.stop()


async def holder(server: Server) -> tuple[Any, Any, Any]:
    """A policy, a role with it, and a token with the role."""
    policy = await server.call(
        "ACL.PolicySet", ACLPolicySetRequest(Policy=ACLPolicy(Name="p", Rules='operator = "read"'), Token=ROOT)
    )
    links = [ACLLink(ID=policy.ID)]
    role = await server.call("ACL.RoleSet", ACLRoleSetRequest(Role=ACLRole(Name="r", Policies=links), Token=ROOT))
    token = ACLToken(Roles=[ACLLink(ID=role.ID)])
    return policy, role, await server.call("ACL.TokenSet", ACLTokenSetRequest(ACLToken=token, Token=ROOT))


async def test_a_token_reads_its_own_policies_and_roles(server: Server) -> None:
    """Without the right to read ACLs; those of others are refused."""
    policy, role, token = await holder(server)
    ask = ACLPolicyBatchGetRequest(Token=token.SecretID, PolicyIDs=[policy.ID])
    assert (await server.call("ACL.PolicyResolve", ask)).Policies == [policy]
    with pytest.raises(PermissionDenied):
        await server.call(
            "ACL.PolicyResolve", ACLPolicyBatchGetRequest(Token=token.SecretID, PolicyIDs=[MANAGEMENT_ID])
        )
    asked = ACLRoleBatchGetRequest(Token=token.SecretID, RoleIDs=[role.ID])
    assert [one.ID for one in (await server.call("ACL.RoleResolve", asked)).Roles] == [role.ID]
    with pytest.raises(AclNotFound):
        await server.call("ACL.RoleResolve", ACLRoleBatchGetRequest(Token="nobody's", RoleIDs=[role.ID]))


async def test_another_datacenter_asks_what_a_token_is_allowed(server: Server) -> None:
    """A question that makes no sense is an error."""
    _, _, token = await holder(server)
    question = ACLAuthorizationRequest(Resource="operator", Access="read")
    ask = RemoteACLAuthorizationRequest(Token=token.SecretID, Requests=[question])
    assert [one.Allow for one in await server.call("ACL.Authorize", ask)] == [True]
    with pytest.raises(InternalError, match="Invalid access level for operator resource: list"):
        bad = ACLAuthorizationRequest(Resource="operator", Access="list")
        await server.call("ACL.Authorize", RemoteACLAuthorizationRequest(Token=token.SecretID, Requests=[bad]))


@pytest.mark.parametrize("expiring", [False, True])
async def test_a_reply_that_shows_a_token_with_an_end_is_kept_for_nobody(server: Server, expiring: bool) -> None:
    """Time alone makes it wrong, which no watch set would tell."""
    token = ACLToken(ExpirationTTL=3_600_000_000_000) if expiring else ACLToken()
    made = await server.call("ACL.TokenSet", ACLTokenSetRequest(ACLToken=token, Token=ROOT))
    for method, ask in (
        ("ACL.TokenRead", ACLTokenGetRequest(TokenID=made.AccessorID, Token=ROOT)),
        ("ACL.TokenRead", ACLTokenGetRequest(TokenID=made.SecretID, TokenIDType="secret", Token=ROOT)),
        ("ACL.TokenList", ACLTokenListRequest(Token=ROOT)),
    ):
        with WatchSet() as ws:
            REPLY_WATCH.set(ws)
            await server.call(method, ask)
            assert ws.fired is expiring


async def test_secrets_that_are_guessed_and_rules_that_change_all_the_time_cost_no_memory(server: Server) -> None:
    """What is kept of either has a bound."""
    for number in range(1500):
        with pytest.raises(AclNotFound):
            server.acl.authorizer(f"guess {number}")
        server.acl.keep_rules(f"rules {number}", PolicyRules())
    assert server.acl.authorizer(ROOT).allows("acl", Access.WRITE)
    assert list(server.acl._known.by_secret) == [ROOT]  # pyright: ignore[reportPrivateUsage]
    assert len(server.acl._parsed) <= 1024  # pyright: ignore[reportPrivateUsage]
