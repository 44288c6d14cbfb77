"""Lines of the log by which operators and their tools follow a server: words, level and logger are Consul's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pyconsul.raft.archive import Server as Peer
from pyconsul.raft.durable import DurableVoter
from pyconsul.raft.single import MemoryVoter
from pyconsul.server.acl import AclSettings
from pyconsul.server.server import Server, ServerConfig
from pyconsul.structs.acl import (
    ACLLink,
    ACLPolicy,
    ACLPolicyDeleteRequest,
    ACLPolicySetRequest,
    ACLToken,
    ACLTokenSetRequest,
)
from pyconsul.structs.catalog import (
    ChecksInStateRequest,
    DCSpecificRequest,
    NodeSpecificRequest,
    RegisterRequest,
    ServiceSpecificRequest,
)
from pyconsul.structs.config_entries.requests import ConfigEntryRequest
from pyconsul.structs.config_entries.terminating_gateway import LinkedService, TerminatingGateway
from pyconsul.structs.errors import InternalError, PermissionDenied
from pyconsul.structs.intentions import (
    Intention,
    IntentionListRequest,
    IntentionMatchEntry,
    IntentionQueryCheck,
    IntentionQueryMatch,
    IntentionQueryRequest,
    IntentionRequest,
)
from pyconsul.structs.kv import DirEntry, KVSRequest
from pyconsul.structs.messages import MessageType
from pyconsul.structs.operator import RaftRemovePeerRequest
from pyconsul.structs.wire import changed
from pyconsul.telemetry import logging

ME = "6a7e4f10-3c52-4b8e-9d21-0f5b7c9e1a34"
ROOT = "8a7e4f10-3c52-4b8e-9d21-0f5b7c9e1a34"
OTHER = "7a7e4f10-3c52-4b8e-9d21-0f5b7c9e1a34"
CONFIG = ServerConfig(datacenter="dc1", node_name="here", node_id=ME)


class Told:
    """What was logged so far, without its times."""

    def __init__(self, monitor: logging.Monitor) -> None:
        self._monitor = monitor
        self._lines: list[str] = []

    def __call__(self) -> list[str]:
        """All lines."""
        self._lines += [line.partition(" ")[2] for line in self._monitor.take().splitlines()]
        return self._lines

    def of(self, words: str) -> str:
        """The only line with these words."""
        [line] = [line for line in self() if words in line]
        return line


@pytest.fixture
def told() -> Iterator[Told]:
    """From DEBUG on."""
    monitor = logging.Monitor(logging.Level.DEBUG)
    monitor.start()
    yield Told(monitor)
    monitor.stop()


@asynccontextmanager
async def leading(config: ServerConfig = CONFIG) -> AsyncGenerator[Server]:
    """A server that leads."""
    made = Server(config, lambda fsm: MemoryVoter(fsm, Peer(ME, "127.0.0.1:8300")))
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@pytest.fixture
async def server(told: Told) -> AsyncIterator[Server]:
    """A server that leads."""
    del told  # listens before the server starts
    async with leading() as made:
        yield made


@pytest.fixture
async def guarded(told: Told) -> AsyncIterator[Server]:
    """A server that leads and denies what nobody allows; ``ROOT`` may do everything."""
    del told
    settings = AclSettings(enabled=True, default_policy="deny", initial_management=ROOT)
    async with leading(changed(CONFIG, acl=settings)) as made:
        yield made


async def test_taking_the_lead_is_told_by_the_lines_that_scripts_wait_for(server: Server, told: Told) -> None:
    """A restore is no new election: only the duties begin anew. The end is told, too."""
    begun = ["cluster leadership acquired", "New leader elected: payload=here"]
    for words in begun:
        assert told.of(words) == f"[INFO]  agent.server: {words}"
    assert told.of("member joined").startswith("[INFO]  agent.server: member joined, marking health alive: member=here")
    assert told.of("established leadership").startswith("[DEBUG] agent.server: successfully established leadership: d")
    await server.leader.stop()
    await server.leader.start(restored=True)
    assert len([line for line in told() if any(words in line for words in begun)]) == 2
    await server.stop()
    assert told.of("shutting down") == "[INFO]  agent.server: shutting down server"


async def test_routines_of_the_leader_are_told_when_they_begin_and_end(server: Server, told: Told) -> None:
    """Under the leader's own logger."""
    await server.leader.stop()
    lines = [line for line in told() if 'routine="federation state anti-entropy"' in line]
    assert lines == [
        f'[INFO]  agent.leader: {what} routine: routine="federation state anti-entropy"'
        for what in ("started", "stopping", "stopped")
    ]


async def test_a_registration_that_the_state_refuses_is_told(server: Server, told: Told) -> None:
    """By the state machine, whoever asked for it."""
    with pytest.raises(InternalError):
        await server.call("Catalog.Register", RegisterRequest(Node="here", ID=OTHER, Address="10.0.0.1"))
    line = told.of("EnsureRegistration failed")
    assert line.startswith('[WARN]  agent.fsm: EnsureRegistration failed: error="failed inserting node: Error while')


async def test_a_question_to_an_unknown_datacenter_is_told(server: Server, told: Told) -> None:
    """With the method that was asked."""
    with pytest.raises(InternalError, match="No path to datacenter"):
        await server.call("Catalog.ListNodes", DCSpecificRequest(Datacenter="far"))
    words = "RPC request for DC is currently failing as no path was found: datacenter=far method=Catalog.ListNodes"
    assert told.of("no path") == f"[WARN]  agent.server.rpc: {words}"


async def test_a_peer_that_cannot_be_removed_is_told(server: Server, told: Told) -> None:
    """By the name under which it was to go; a peer that there is not is only refused."""
    for method, request in (
        ("Operator.RaftRemovePeerByAddress", RaftRemovePeerRequest(Address="127.0.0.1:8300")),
        ("Operator.RaftRemovePeerByID", RaftRemovePeerRequest(ID=ME)),
        ("Operator.RaftRemovePeerByID", RaftRemovePeerRequest(ID="nobody")),
    ):
        with pytest.raises(InternalError):
            await server.call(method, request)
    why = 'error="need at least one voter in configuration: {[]}"'
    assert [line for line in told() if "Failed to remove" in line] == [
        f"[WARN]  agent.server.operator: Failed to remove Raft server: address=127.0.0.1:8300 {why}",
        f"[WARN]  agent.server.operator: Failed to remove Raft peer with id: peer_id={ME} {why}",
    ]


async def test_a_gateway_without_an_entry_is_told(server: Server, told: Told) -> None:
    """Whoever asks for its services may have mistaken the name."""
    await server.call("Catalog.GatewayServices", ServiceSpecificRequest(ServiceName="gate"))
    words = "no terminating-gateway or ingress-gateway associated with this gateway: gateway=gate"
    assert told.of("associated") == f"[WARN]  agent.server.catalog: {words}"


async def test_snapshots_are_told_when_they_begin(server: Server, told: Told) -> None:
    """How long the state stood still, and where."""
    (await server.consensus.snapshot()).close()
    assert told.of("snapshot created").startswith("[INFO]  agent.fsm: snapshot created: duration=")
    index = server.consensus.applied_index
    assert told.of("starting snapshot") == f"[INFO]  agent.server.raft: starting snapshot up to: index={index}"


async def test_entries_of_more_than_a_mebibyte_are_told(told: Told, tmp_path: Path) -> None:
    """They hold up the log of every server."""
    server = Server(CONFIG, lambda fsm: DurableVoter(fsm, Peer(ME, "127.0.0.1:8300"), tmp_path))
    await server.start()
    try:
        for size in (1 << 19, 1 << 20):
            await server.propose(MessageType.KVS, KVSRequest(Op="set", DirEnt=DirEntry(Key="a", Value=bytes(size))))
    finally:
        await server.stop()
    line = told.of("large raft entry")
    assert line.startswith("[WARN]  agent.server.rpc: Attempting to apply large raft entry: size_in_bytes=1048")


async def test_what_a_token_may_not_see_is_told(guarded: Server, told: Told) -> None:
    """Row by row, so that one can find out why an answer is empty."""
    await guarded.call("Catalog.ListNodes", DCSpecificRequest())
    await guarded.call("Catalog.ListServices", DCSpecificRequest())
    await guarded.call("Health.ChecksInState", ChecksInStateRequest(State="any"))
    await guarded.call("Health.ServiceNodes", ServiceSpecificRequest(ServiceName="consul"))
    assert [line for line in told() if "dropping" in line] == [
        f"[DEBUG] agent.acl: dropping {what} from result due to ACLs: {which}"
        for what, which in (
            ("node", "node=here"),
            ("service node", "node=here service=consul"),
            ("check", "check=serfHealth"),
            ("check service node", "node=here service=consul"),
        )
    ]


async def test_refused_work_on_intentions_is_told(guarded: Server, told: Told) -> None:
    """With who asked; the answer says less."""
    given = Intention(SourceName="a", DestinationName="b", Action="allow")
    known = await guarded.call("Intention.Apply", IntentionRequest(Op="create", Intention=given, Token=ROOT))
    with_id = changed(given, ID=known)
    for op, one in (("create", given), ("update", with_id), ("upsert", given), ("delete", with_id), ("delete", given)):
        with pytest.raises(PermissionDenied):
            await guarded.call("Intention.Apply", IntentionRequest(Op=op, Intention=one))
    matching = IntentionQueryMatch(Type="destination", Entries=[IntentionMatchEntry(Name="b")])
    checked = IntentionQueryCheck(SourceName="a", DestinationName="b", SourceType="consul")
    for method, ask in (
        ("Intention.Get", IntentionQueryRequest(IntentionID=known)),
        ("Intention.Match", IntentionQueryRequest(Match=matching)),
        ("Intention.Check", IntentionQueryRequest(Check=checked)),
    ):
        with pytest.raises(PermissionDenied):
            await guarded.call(method, ask)
    await guarded.call("Intention.List", IntentionListRequest())
    who = 'accessorID="anonymous token"'
    ends, one = "source=a destination=b", f"intention={known}"
    assert [line.partition("agent.server.intentions: ")[2] for line in told() if "denied" in line] == [
        f"Intention creation denied due to ACLs: {ends} {who}",
        f"Update operation on intention denied due to ACLs: {one} {who}",
        f"Intention upsert denied due to ACLs: {ends} {who}",
        f"Deletion operation on intention denied due to ACLs: {one} {who}",
        f"Intention delete denied due to ACLs: {ends} {who}",
        f"Request to get intention denied due to ACLs: {one} {who}",
        f"Operation on intention prefix denied due to ACLs: prefix=b {who}",
        f"test on intention denied due to ACLs: prefix=b {who}",
    ]
    assert (
        len([line for line in told() if f"agent.acl: dropping intention from result due to ACLs: {one}" in line]) == 2
    )


async def test_a_token_whose_policies_are_all_for_elsewhere_is_told(guarded: Server, told: Told) -> None:
    """A policy that is gone is as good as none, and nobody is told."""
    for name, places in (("far", ["dc2"]), ("gone", [])):
        policy = ACLPolicy(Name=name, Rules='key_prefix "" { policy = "read" }', Datacenters=places)
        await guarded.call("ACL.PolicySet", ACLPolicySetRequest(Policy=policy, Token=ROOT))
    made = [
        await guarded.call(
            "ACL.TokenSet", ACLTokenSetRequest(ACLToken=ACLToken(Policies=[ACLLink(Name=name)]), Token=ROOT)
        )
        for name in ("far", "gone")
    ]
    gone = made[1].Policies[0].ID
    await guarded.call("ACL.PolicyDelete", ACLPolicyDeleteRequest(PolicyID=gone, Token=ROOT))
    for token in made:
        await guarded.call("Catalog.NodeServices", NodeSpecificRequest(Node="here", Token=token.SecretID))
    [line] = [line for line in told() if "[WARN]  agent.acl: " in line]
    assert line.endswith(f"are scoped to other datacenters: accessor_id={made[0].AccessorID} datacenter=dc1")


async def test_a_terminating_gateway_that_calls_by_no_name_is_told(server: Server, told: Told) -> None:
    """It is stored all the same."""
    services = [LinkedService(Name="a", CAFile="ca.pem"), LinkedService(Name="b", CAFile="ca.pem", SNI="b")]
    entry = TerminatingGateway(Name="gate", Services=services)
    assert await server.call("ConfigEntry.Apply", ConfigEntryRequest(Op="upsert", Entry=entry))
    words = 'TLS is configured but SNI is not set for service "a". Enabling SNI is strongly recommended when using TLS.'
    assert told.of("SNI") == f"[WARN]  agent.server.config_entry: {words}"


async def test_a_lock_that_comes_too_early_is_told_with_the_time_when_it_may(server: Server, told: Told) -> None:
    """As Go prints times."""
    server.leader.lock_delays.hold(["a"], asyncio.get_running_loop().time(), seconds=60)
    before = datetime.now(UTC)
    assert await server.call("KVS.Apply", KVSRequest(Op="lock", DirEnt=DirEntry(Key="a", Session=OTHER))) is False
    words, _, when = told.of("Rejecting").partition("=a expire_time=")
    assert words == "[WARN]  agent.server.kvs: Rejecting lock of key due to lock-delay: key"
    found = datetime.strptime(when, '"%Y-%m-%d %H:%M:%S.%f %z UTC"')
    assert before < found <= datetime.now(UTC) + timedelta(seconds=60)
