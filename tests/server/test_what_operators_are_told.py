"""Lines of the log by which operators and their tools follow a server: words, level and logger are Consul's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pyconsul.raft.archive import Server as Peer
from pyconsul.raft.durable import DurableVoter
from pyconsul.raft.single import MemoryVoter
from pyconsul.server.server import Server, ServerConfig
from pyconsul.structs.catalog import DCSpecificRequest, RegisterRequest, ServiceSpecificRequest
from pyconsul.structs.errors import InternalError
from pyconsul.structs.kv import DirEntry, KVSRequest
from pyconsul.structs.messages import MessageType
from pyconsul.structs.operator import RaftRemovePeerRequest
from pyconsul.telemetry import logging

ME = "6a7e4f10-3c52-4b8e-9d21-0f5b7c9e1a34"
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


@pytest.fixture
async def server(told: Told) -> AsyncIterator[Server]:
    """A server that leads."""
    del told  # listens before the server starts
    made = Server(CONFIG, lambda fsm: MemoryVoter(fsm, Peer(ME, "127.0.0.1:8300")))
    await made.start()
    yield made
    await made.stop()


async def test_taking_the_lead_is_told_by_the_lines_that_scripts_wait_for(server: Server, told: Told) -> None:
    """A restore is no new election: only the duties begin anew."""
    begun = ["cluster leadership acquired", "New leader elected: payload=here"]
    assert [line for line in told() if "lead" in line and "raft" not in line and "routine" not in line][:2] == [
        f"[INFO]  agent.server: {words}" for words in begun
    ]
    assert told.of("member joined").startswith("[INFO]  agent.server: member joined, marking health alive: member=here")
    assert told.of("established leadership").startswith("[DEBUG] agent.server: successfully established leadership: d")
    await server.leader.stop()
    await server.leader.start(restored=True)
    assert len([line for line in told() if any(words in line for words in begun)]) == 2


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
