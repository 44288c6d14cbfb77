"""A server in memory with a few instances of one service."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from pyconsul.raft.archive import Server as RaftServer
from pyconsul.raft.single import MemoryVoter
from pyconsul.server.server import Server, ServerConfig
from pyconsul.structs.catalog import NodeService, RegisterRequest
from pyconsul.structs.health import HealthCheck


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """web on east-1 (passing, v1), east-2 (warning, v2), west-1 (critical, v2)."""
    config = ServerConfig(datacenter="dc1", node_name="srv1", node_id="11111111-2222-3333-4444-555555555555")
    server = Server(config, lambda fsm: MemoryVoter(fsm, RaftServer(config.node_id, "127.0.0.1:8300")))
    await server.start()
    rows = (
        ("east-1", "10.0.0.1", "passing", ["v1", "Prod"], {"zone": "east"}, {"color": "red"}),
        ("east-2", "10.0.0.2", "warning", ["v2", "prod"], {"zone": "east"}, {"color": "blue"}),
        ("west-1", "10.0.0.3", "critical", ["v2"], {"zone": "west"}, None),
    )
    for node, address, status, tags, node_meta, meta in rows:
        service = NodeService(ID="web", Service="web", Port=80, Tags=tags, Meta=meta)
        check = HealthCheck(Node=node, CheckID="c1", Name="c1", Status=status, ServiceID="web")
        request = RegisterRequest(
            Datacenter="dc1", Node=node, Address=address, NodeMeta=node_meta, Service=service, Check=check
        )
        await server.call("Catalog.Register", request)
    yield server
    await server.stop()
