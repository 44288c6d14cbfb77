"""RPC methods without a route: what only other servers and client agents call."""

from collections.abc import AsyncIterator

import pytest

from pyconsul.raft.archive import Server as Peer
from pyconsul.raft.single import MemoryVoter
from pyconsul.server.server import Server, ServerConfig
from pyconsul.structs.catalog import DCSpecificRequest, NodeService, RegisterRequest, ServiceSpecificRequest
from pyconsul.structs.config_entries.requests import ConfigEntryListAllRequest
from pyconsul.structs.errors import InternalError
from pyconsul.structs.federation import FederationStateRequest
from pyconsul.structs.wire import ReadRequest


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """A server that leads, with one instance of a service."""
    config = ServerConfig(datacenter="dc1", node_name="here", node_id="6a7e4f10-3c52-4b8e-9d21-0f5b7c9e1a34")
    made = Server(config, lambda fsm: MemoryVoter(fsm, Peer("here", "127.0.0.1:8300")))
    await made.start()
    service = NodeService(ID="web", Service="web", Port=80)
    await made.call("Catalog.Register", RegisterRequest(Node="n1", Address="10.0.0.1", Service=service))
    yield made
    await made.stop()


async def test_ping_is_answered_with_nothing(server: Server) -> None:
    """That it is answered is what counts."""
    assert await server.call("Status.Ping", ReadRequest()) is None


async def test_the_names_of_all_services_are_listed(server: Server) -> None:
    """With the index of the services."""
    reply = await server.call("Catalog.ServiceList", DCSpecificRequest())
    assert reply.Index > 0 and sorted(each.Name for each in reply.Services) == ["consul", "web"]


async def test_all_config_entries_are_listed_at_once(server: Server) -> None:
    """Of a fresh datacenter there are none."""
    reply = await server.call("ConfigEntry.ListAll", ConfigEntryListAllRequest())
    assert not reply.Entries


async def test_gateways_of_a_service_need_its_name(server: Server) -> None:
    """A service without gateways has none; one without a name is refused."""
    assert (await server.call("Internal.ServiceGateways", ServiceSpecificRequest(ServiceName="web"))).Nodes is None
    with pytest.raises(InternalError, match="Must provide gateway name"):
        await server.call("Internal.ServiceGateways", ServiceSpecificRequest())


async def test_a_federation_state_needs_a_datacenter(server: Server) -> None:
    """An empty request changes nothing."""
    with pytest.raises(InternalError):
        await server.call("FederationState.Apply", FederationStateRequest(Op="upsert"))
