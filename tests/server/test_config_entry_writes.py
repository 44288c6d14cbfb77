"""``ConfigEntry.Apply`` beyond what the rules of each kind say."""

from __future__ import annotations

from pyconsul.raft.archive import Server as Peer
from pyconsul.raft.single import MemoryVoter
from pyconsul.server.server import Server, ServerConfig
from pyconsul.structs.config_entries.requests import ConfigEntryRequest
from pyconsul.structs.config_entries.terminating_gateway import LinkedService, TerminatingGateway
from pyconsul.telemetry.logging import Level, Monitor, add_sink, remove_sink


async def test_a_server_name_that_is_missing_is_worth_a_warning() -> None:
    """The entry is written all the same: a gateway may speak TLS without one."""
    config = ServerConfig(datacenter="dc1", node_name="here", node_id="6a7e4f10-3c52-4b8e-9d21-0f5b7c9e1a34")
    server = Server(config, lambda fsm: MemoryVoter(fsm, Peer("here", "127.0.0.1:8300")))
    await server.start()
    services = [
        LinkedService(Name="bare", CAFile="ca.pem"),
        LinkedService(Name="named", CAFile="ca.pem", SNI="a.example"),
        LinkedService(Name="plain"),
    ]
    monitor = Monitor(Level.WARN)
    add_sink(monitor)
    try:
        entry = TerminatingGateway(Name="gate", Services=services)
        assert await server.call("ConfigEntry.Apply", ConfigEntryRequest(Entry=entry)) is True
    finally:
        remove_sink(monitor)
        await server.stop()
    lines = [line.partition("[WARN]  ")[2] for line in monitor.take().splitlines()]
    assert lines == [
        'agent.server.config_entry: TLS is configured but SNI is not set for service "bare". '
        "Enabling SNI is strongly recommended when using TLS."
    ]
