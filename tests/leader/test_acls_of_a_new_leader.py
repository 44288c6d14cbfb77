"""What a leader writes when ACLs are on, and how it drops tokens whose time is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from pyconsul.acl.levels import Access
from pyconsul.acl.templated import BUILTIN_POLICIES, MANAGEMENT_ID, READ_ONLY_ID
from pyconsul.raft.archive import Server as Peer
from pyconsul.raft.single import MemoryVoter
from pyconsul.server.acl import AclSettings
from pyconsul.server.leader.acl import REAP_BATCH, initialize_acls
from pyconsul.server.server import Server, ServerConfig
from pyconsul.server.state.acl import GLOBAL, TOKENS, policy_with_id, token_with_accessor, token_with_secret
from pyconsul.server.state.acl_tokens import can_bootstrap, next_expiration
from pyconsul.server.state.system_metadata import metadata_value
from pyconsul.structs.acl import (
    ANONYMOUS_ACCESSOR,
    ACLPolicy,
    ACLPolicyBatchSetRequest,
    ACLToken,
    ACLTokenBatchSetRequest,
)
from pyconsul.structs.errors import AclNotFound
from pyconsul.structs.messages import MessageType
from pyconsul.structs.system_metadata import SERVER_MANAGEMENT_TOKEN
from pyconsul.structs.wire import changed

ROOT = "b8a5e0b4-7a9e-4f0c-9d5e-1f2a3b4c5d6e"
MINE = "11111111-2222-4333-8444-555555555555"


@asynccontextmanager
async def leading(*, secret: str = "", enabled: bool = True) -> AsyncGenerator[Server]:
    """A server that leads, with ACLs on."""
    settings = AclSettings(enabled=enabled, default_policy="deny", initial_management=secret)
    config = ServerConfig(datacenter="dc1", node_name="n1", node_id=MINE, acl=settings)
    server = Server(config, lambda fsm: MemoryVoter(fsm, Peer(MINE, "127.0.0.1:8300")))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def test_a_new_leader_writes_what_acls_begin_with() -> None:
    """Builtin policies, the configured token as the bootstrap, the anonymous token, the servers' own secret."""
    async with leading(secret=ROOT) as server:
        assert policy_with_id(server.db, MANAGEMENT_ID) and policy_with_id(server.db, READ_ONLY_ID)
        root = token_with_secret(server.db, ROOT)
        assert root is not None and root.Description == "Initial Management Token"
        assert token_with_accessor(server.db, ANONYMOUS_ACCESSOR) is not None
        assert not can_bootstrap(server.db)
        assert server.acl.authorizer(ROOT).allows("acl", Access.WRITE)
        own = server.acl.authorizer(metadata_value(server.db, SERVER_MANAGEMENT_TOKEN))
        assert own.unrestricted and own.accessor_id == SERVER_MANAGEMENT_TOKEN


async def test_nothing_is_written_while_acls_are_off() -> None:
    """Not even the anonymous token."""
    async with leading(enabled=False) as server:
        assert not server.db.all(TOKENS)


async def test_taking_the_lead_again_writes_no_token_twice() -> None:
    """Only the servers' own secret is another one, and the old one is worth nothing any more."""
    async with leading(secret=ROOT) as server:
        before = server.db.all(TOKENS)
        old = metadata_value(server.db, SERVER_MANAGEMENT_TOKEN)
        assert server.acl.authorizer(old).unrestricted
        await server.leader.stop()
        await server.leader.start()
        assert server.db.all(TOKENS) == before
        with pytest.raises(AclNotFound):
            server.acl.authorizer(old)


async def test_a_configured_secret_after_the_bootstrap_is_one_more_token() -> None:
    """The bootstrap index stays; a renamed builtin policy keeps its name."""
    async with leading(secret=ROOT) as server:
        renamed = changed(BUILTIN_POLICIES[MANAGEMENT_ID], Name="mine")
        await server.propose(MessageType.ACL_POLICY_SET, ACLPolicyBatchSetRequest(Policies=[renamed]))
        server.config = changed_secret(server.config, MINE)
        await server.leader.stop()
        await server.leader.start()
        second = token_with_secret(server.db, MINE)
        assert second is not None and second.Policies
        assert second.Policies[0].Name == "mine"


def changed_secret(config: ServerConfig, secret: str) -> ServerConfig:
    """The same configuration with another secret."""
    return ServerConfig(
        datacenter=config.datacenter,
        node_name=config.node_name,
        node_id=config.node_id,
        acl=AclSettings(enabled=True, default_policy="deny", initial_management=secret),
    )


async def test_a_policy_that_has_a_builtin_ones_name_keeps_no_server_from_leading() -> None:
    """As a snapshot of older servers may hold one."""
    async with leading(secret=ROOT, enabled=False) as server:
        theirs = ACLPolicy(ID=MINE, Name="builtin/global-read-only")
        await server.propose(MessageType.ACL_POLICY_SET, ACLPolicyBatchSetRequest(Policies=[theirs]))
        await initialize_acls(server)
        assert policy_with_id(server.db, READ_ONLY_ID) is None
        assert token_with_secret(server.db, ROOT) is not None


async def test_before_the_bootstrap_an_unknown_token_is_told_so() -> None:
    """Afterwards it is plainly not found."""
    async with leading() as server:
        with pytest.raises(AclNotFound) as error:
            server.acl.authorizer("nobody's")
        assert error.value.text == (
            "ACL system must be bootstrapped before making any requests that require authorization: ACL not found"
        )
    async with leading(secret=ROOT) as server:
        with pytest.raises(AclNotFound) as error:
            server.acl.authorizer("nobody's")
        assert error.value.text == "ACL not found"


async def test_a_token_is_worth_nothing_from_its_end_on_and_is_reaped_later() -> None:
    """The resolver looks at the clock, not at what has been reaped."""
    async with leading(secret=ROOT) as server:
        end = "2030-01-01T00:00:00Z"
        token = ACLToken(AccessorID=MINE, SecretID="short", ExpirationTime=end)
        await server.propose(MessageType.ACL_TOKEN_SET, ACLTokenBatchSetRequest(Tokens=[token]))
        server.acl.now = lambda: datetime(2029, 12, 31, tzinfo=UTC)
        assert server.acl.authorizer("short").accessor_id == MINE
        assert await server.leader.token_reaper.reap() == 0
        server.acl.now = lambda: datetime(2030, 1, 1, 0, 0, 1, tzinfo=UTC)
        with pytest.raises(AclNotFound):
            server.acl.authorizer("short")
        assert await server.leader.token_reaper.reap() == 1
        assert token_with_accessor(server.db, MINE) is None
        assert next_expiration(server.db, GLOBAL) is None


async def test_all_ended_tokens_go_however_many_and_others_get_their_turn() -> None:
    """They go in several entries of the log, for a long one holds up all that is asked meanwhile."""
    async with leading(secret=ROOT) as server:
        server.acl.now = lambda: datetime(2029, 12, 31, tzinfo=UTC)
        ended = 2 * REAP_BATCH + 1
        tokens = [
            ACLToken(AccessorID=f"{MINE[:-6]}{n:06}", SecretID=f"s{n}", ExpirationTime=f"203{n % 10}-01-01T00:00:00Z")
            for n in range(ended)
        ]
        await server.propose(MessageType.ACL_TOKEN_SET, ACLTokenBatchSetRequest(Tokens=tokens))
        assert next_expiration(server.db, GLOBAL) == datetime(2030, 1, 1, tzinfo=UTC)
        server.acl.now = lambda: datetime(2040, 1, 1, tzinfo=UTC)
        reaping = asyncio.ensure_future(server.leader.token_reaper.reap())
        left: list[int] = []
        while not reaping.done():
            await asyncio.sleep(0)
            left.append(sum(token.SecretID.startswith("s") for token in server.db.unsorted(TOKENS)))
        assert await reaping == ended and {1, REAP_BATCH + 1, 0} <= set(left)


async def test_tokens_that_come_all_the_time_keep_no_ended_one_alive() -> None:
    """Where somebody logs in more often than the reaper looks, it looks all the same."""
    async with leading(secret=ROOT) as server:
        server.acl.now = lambda: datetime(2030, 1, 1, 0, 0, 1, tzinfo=UTC)
        ends = "2030-01-01T00:00:00Z"
        for number in range(100):
            token = ACLToken(AccessorID=f"{MINE[:-3]}{number:03}", SecretID=f"s{number}", ExpirationTime=ends)
            await server.propose(MessageType.ACL_TOKEN_SET, ACLTokenBatchSetRequest(Tokens=[token]))
            await asyncio.sleep(0)
            ends = "2031-01-01T00:00:00Z"
        assert token_with_secret(server.db, "s0") is None
