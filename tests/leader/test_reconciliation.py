"""The leader keeps the catalog in step with the members: itself stands there, and nobody whom gossip does not know."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pyconsul.raft.archive import Server as Peer
from pyconsul.raft.single import MemoryVoter
from pyconsul.server.leader.reconciliation import Reconciliation
from pyconsul.server.server import Server, ServerConfig
from pyconsul.server.state.catalog import check_of_node, node_named, service_of_node
from pyconsul.structs.catalog import DeregisterRequest, RegisterRequest
from pyconsul.structs.health import HealthCheck
from pyconsul.structs.messages import MessageType
from tests.waiting import comes_true

MINE = "11111111-2222-4333-8444-555555555555"
OTHER = "21111111-2222-4333-8444-555555555555"


@asynccontextmanager
async def leading() -> AsyncGenerator[Server]:
    """A server that leads."""
    config = ServerConfig(datacenter="dc1", node_name="n1", node_id=MINE)
    server = Server(config, lambda fsm: MemoryVoter(fsm, Peer(MINE, "127.0.0.1:8300")))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def register(server: Server, node: str, check_id: str) -> None:
    """Enter a node with one passing check."""
    check = HealthCheck(Node=node, CheckID=check_id, Name=check_id, Status="passing")
    await server.propose(MessageType.REGISTER, RegisterRequest(Node=node, Address="10.0.0.1", Check=check))


async def test_a_leader_that_was_deregistered_enters_itself_again() -> None:
    """Without its service nobody finds the server, without ``serfHealth`` there are no sessions."""
    async with leading() as server:
        await server.propose(MessageType.DEREGISTER, DeregisterRequest(Node="n1"))
        await Reconciliation(server).reconcile()
        assert service_of_node(server.db, "n1", "consul") is not None
        assert check_of_node(server.db, "n1", "serfHealth") is not None


async def test_a_leader_that_was_failing_is_alive_again() -> None:
    """Its check may have been written by somebody else, or by the leader before."""
    async with leading() as server:
        failing = HealthCheck(Node="n1", CheckID="serfHealth", Name="Serf Health Status", Status="critical")
        await server.propose(MessageType.REGISTER, RegisterRequest(Node="n1", Address="127.0.0.1", Check=failing))
        await Reconciliation(server).reconcile()
        check = check_of_node(server.db, "n1", "serfHealth")
        assert check is not None and check.Status == "passing"


async def test_a_node_that_claims_to_be_a_member_and_is_none_goes() -> None:
    """As one from the snapshot of another cluster; nodes that gossip never knew stay."""
    async with leading() as server:
        await register(server, "ghost", "serfHealth")
        await register(server, "external", "ping")
        await Reconciliation(server).reconcile()
        assert node_named(server.db, "ghost") is None
        assert node_named(server.db, "external") is not None
        assert node_named(server.db, "n1") is not None


async def test_what_a_snapshot_brought_can_be_looked_at_for_a_while() -> None:
    """Until the next look at the members; the server itself is there at once."""
    async with leading() as server:
        await register(server, "ghost", "serfHealth")
        await server.propose(MessageType.DEREGISTER, DeregisterRequest(Node="n1"))
        await server.leader.stop()
        await server.leader.start(restored=True)
        assert node_named(server.db, "ghost") is not None
        assert check_of_node(server.db, "n1", "serfHealth") is not None


async def test_what_is_in_step_writes_nothing() -> None:
    """Else every minute would wake who waits for nodes."""
    async with leading() as server:
        before = server.consensus.last_index
        await Reconciliation(server).reconcile()
        assert server.consensus.last_index == before


async def test_it_goes_on_for_as_long_as_there_is_a_lead() -> None:
    """Again and again, in its interval."""
    async with leading() as server:
        reconciliation = Reconciliation(server, interval=0.001)
        reconciliation.routine.start()
        for node in ("one", "two"):
            await register(server, node, "serfHealth")
            await comes_true(lambda name=node: node_named(server.db, name) is None)
        reconciliation.routine.stop()


async def test_a_name_that_another_node_holds_keeps_nobody_from_leading() -> None:
    """As after a restore of another server's snapshot: the state is served, and the name taken once it is free."""
    async with leading() as server:
        await server.propose(MessageType.DEREGISTER, DeregisterRequest(Node="n1"))
        passing = HealthCheck(Node="n1", CheckID="serfHealth", Name="Serf Health Status", Status="passing")
        other = RegisterRequest(Node="n1", ID=OTHER, Address="10.0.0.9", Check=passing)
        await server.propose(MessageType.REGISTER, other)
        for restored in (True, False):
            await server.leader.stop()
            await server.leader.start(restored=restored)
            assert server.leader.reconciliation.routine.is_running
            held = node_named(server.db, "n1")
            assert held is not None and held.ID == OTHER
        await server.propose(MessageType.DEREGISTER, DeregisterRequest(Node="n1"))
        await server.leader.reconciliation.reconcile()
        own = node_named(server.db, "n1")
        assert own is not None and own.ID == MINE
