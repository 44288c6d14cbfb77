"""What a leader enters into the state by itself: its datacenter's gateways, what servers agree on, its own service."""

from __future__ import annotations

import pytest

from pyconsul.memdb import WatchSet
from pyconsul.server.state.catalog import service_of_node
from pyconsul.server.state.federation import federation_state
from pyconsul.server.state.system_metadata import SYSTEM_METADATA, metadata_value
from pyconsul.structs.system_metadata import GATEWAY_VIRTUAL_IPS, VIRTUAL_IPS
from tests.door import DoorClient, leading_agent
from tests.waiting import comes_true

GATEWAY = {"Node": "here", "Address": "127.0.0.1", "SkipNodeUpdate": True,
           "Service": {"Service": "gw", "Kind": "mesh-gateway", "Port": 8443}}  # fmt: skip


async def test_the_state_of_the_datacenter_follows_its_mesh_gateways() -> None:
    """There is one without gateways first; one that comes enters it, and one that goes leaves it."""
    async with leading_agent() as agent:
        door, db = DoorClient(agent), agent.server.db

        def gateways() -> list[str] | None:
            state = federation_state(db, "dc1")[1]
            rows = None if state is None else state.MeshGateways or []
            return None if rows is None else [row.Service.ID for row in rows if row.Service]

        await comes_true(lambda: gateways() == [])
        await door.put("catalog/register", GATEWAY)
        await comes_true(lambda: gateways() == ["gw"])
        await door.put("catalog/deregister", {"Node": "here", "ServiceID": "gw"})
        await comes_true(lambda: gateways() == [])


async def test_other_services_leave_the_state_of_the_datacenter_alone() -> None:
    """It is written when it would say something else, by the clock of this server."""
    async with leading_agent() as agent:
        door, db = DoorClient(agent), agent.server.db
        await comes_true(lambda: federation_state(db, "dc1")[1] is not None)
        index, state = federation_state(db, "dc1")
        assert state is not None and state.UpdatedAt > "2020"
        await door.put("catalog/register", GATEWAY | {"Service": {"Service": "web"}})
        await door.put("catalog/register", GATEWAY)
        await comes_true(lambda: federation_state(db, "dc1")[0] > index)
        later = federation_state(db, "dc1")[1]
        assert later is not None and later.CreateIndex == state.CreateIndex


@pytest.mark.parametrize(("switch", "value"), [("true", "true"), ("false", "")])
async def test_a_mesh_has_virtual_addresses_from_its_first_leader_on(switch: str, value: str) -> None:
    """Both kinds are switched on where there is a mesh; a later leader does not write that again."""
    async with leading_agent(f"connect {{ enabled = {switch} }}") as agent:
        server = agent.server
        assert [metadata_value(server.db, key) for key in (VIRTUAL_IPS, GATEWAY_VIRTUAL_IPS)] == [value] * 2
        before = server.db.all(SYSTEM_METADATA)
        await server.leader.stop()
        await server.leader.start()
        assert server.db.all(SYSTEM_METADATA) == before


async def test_a_server_enters_itself_as_the_service_consul() -> None:
    """With what its peers want to know: how it votes, which protocols it speaks, and where."""
    async with leading_agent() as agent:
        config = agent.server.config
        service = service_of_node(agent.server.db, "here", "consul")
        assert service is not None and service.Port == config.rpc_port
        assert service.Meta == {
            "non_voter": "false",
            "read_replica": "false",
            "raft_version": "3",
            "serf_protocol_current": "2",
            "serf_protocol_min": "1",
            "serf_protocol_max": "5",
            "version": config.version,
            "grpc_port": str(config.grpc_port),
            "grpc_tls_port": str(config.grpc_tls_port),
        }


async def test_a_port_that_is_switched_off_is_not_told() -> None:
    """Nobody would find anything there."""
    async with leading_agent("ports { grpc = -1 grpc_tls = -1 }") as agent:
        service = service_of_node(agent.server.db, "here", "consul")
        assert service is not None and not {"grpc_port", "grpc_tls_port"} & set(service.Meta or {})


async def test_who_watches_the_leadership_hears_of_its_end_and_of_its_beginning() -> None:
    """Each time once."""
    async with leading_agent() as agent:
        leader = agent.server.leader
        for change in (leader.stop, leader.start):
            ws = WatchSet()
            leader.watch(ws)
            await change()
            assert ws.fired
