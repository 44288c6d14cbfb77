"""The leader's entry of an alive server in the catalog: node, ``consul`` service, ``serfHealth`` check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.server.state.catalog import check_of_node, node_named, service_of_node
from pyconsul.structs.catalog import CONSUL_SERVICE_ID, CONSUL_SERVICE_NAME, NodeService, RegisterRequest, Weights
from pyconsul.structs.health import PASSING, SERF_ALIVE_OUTPUT, SERF_CHECK_ID, SERF_CHECK_NAME, HealthCheck
from pyconsul.structs.messages import MessageType
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server, ServerConfig

log = logger("agent.server")

META_CONSUL_VERSION = "consul-version"
# What the Serf of a Consul 1.21 speaks: the service tells the same here, where nobody gossips.
SERF_PROTOCOL = {"serf_protocol_current": "2", "serf_protocol_min": "1", "serf_protocol_max": "5"}


async def register_own_member(server: Server) -> None:
    """Enter this server into the catalog, unless it stands there already just so.

    What somebody added to its node stays: tagged addresses and metadata are the agent's to write, not the leader's.
    """
    config = server.config
    service = consul_service(config)
    node = node_named(server.db, config.node_name)
    if node is not None and node.Address == config.advertise_address:
        registered = service_of_node(server.db, config.node_name, CONSUL_SERVICE_ID)
        check = check_of_node(server.db, config.node_name, SERF_CHECK_ID)
        if registered is not None and registered.Meta == service.Meta and check and check.Status == PASSING:
            return
    log.info("member joined, marking health alive", member=config.node_name, partition="default")
    request = RegisterRequest(
        Datacenter=config.datacenter,
        Node=config.node_name,
        ID=config.node_id,
        Address=config.advertise_address,
        TaggedAddresses=None if node is None else node.TaggedAddresses,
        NodeMeta={META_CONSUL_VERSION: config.version} if node is None else node.Meta,
        Service=service,
        Check=HealthCheck(
            Node=config.node_name,
            CheckID=SERF_CHECK_ID,
            Name=SERF_CHECK_NAME,
            Status=PASSING,
            Output=SERF_ALIVE_OUTPUT,
        ),
    )
    await server.propose(MessageType.REGISTER, request)


def consul_service(config: ServerConfig) -> NodeService:
    """The ``consul`` service that every server has."""
    meta = {
        "non_voter": "false",
        "read_replica": "false",
        "raft_version": "3",
        **SERF_PROTOCOL,
        "version": config.version,
    }
    if config.grpc_port > 0:
        meta["grpc_port"] = str(config.grpc_port)
    if config.grpc_tls_port > 0:
        meta["grpc_tls_port"] = str(config.grpc_tls_port)
    return NodeService(
        ID=CONSUL_SERVICE_ID,
        Service=CONSUL_SERVICE_NAME,
        Port=config.rpc_port,
        Weights=Weights(Passing=1, Warning=1),
        Meta=meta,
    )
