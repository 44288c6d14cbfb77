"""RPC methods for operators: Raft's configuration, autopilot, usage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyconsul.acl import Access
from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store, WatchSet
from pyconsul.raft.archive import Server as Peer
from pyconsul.server.blame import blamed
from pyconsul.server.registry import rpc
from pyconsul.server.state.autopilot import autopilot_config
from pyconsul.server.state.usage import service_usage
from pyconsul.structs.errors import InternalError
from pyconsul.structs.messages import MessageType
from pyconsul.structs.operator import (
    AutopilotConfig,
    AutopilotSetConfigRequest,
    AutopilotState,
    OperatorHealthReply,
    OperatorUsageRequest,
    RaftConfigurationResponse,
    RaftRemovePeerRequest,
    RaftServer,
    ServerHealth,
    TransferLeaderRequest,
    Usage,
)
from pyconsul.structs.wire import ReadRequest
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server.operator")

_LAST_VOTER: Final = "need at least one voter in configuration: {[]}"


@rpc("Operator.RaftGetConfiguration")
async def raft_configuration(srv: Server, ask: ReadRequest) -> RaftConfigurationResponse:
    """The servers that agree on the log."""
    srv.acl.authorizer(ask.Token).require("operator", Access.READ)
    servers = srv.consensus.configuration().servers
    return RaftConfigurationResponse(Servers=[_raft_server(srv, s) for s in servers])


def _raft_server(srv: Server, peer: Peer) -> RaftServer:
    if peer.id != srv.config.node_id:
        return RaftServer(ID=peer.id, Address=peer.address, Voter=not peer.suffrage)
    return RaftServer(
        ID=peer.id,
        Node=srv.config.node_name,
        Address=peer.address,
        Leader=srv.consensus.is_leader,
        ProtocolVersion="3",
        Voter=not peer.suffrage,
        LastIndex=srv.leader.autopilot.last_index(),
    )


@rpc("Operator.RaftRemovePeerByAddress")
async def remove_peer_by_address(srv: Server, req: RaftRemovePeerRequest) -> None:
    """Remove a server by its address. Raises InternalError for an unknown one, and for the last voter."""
    srv.acl.authorizer(req.Token).require("operator", Access.WRITE)
    if not any(s.address == req.Address for s in srv.consensus.configuration().servers):
        raise InternalError(f"address {quote(req.Address)} was not found in the Raft configuration")
    log.warn("Failed to remove Raft server", address=req.Address, error=_LAST_VOTER)
    raise InternalError(_LAST_VOTER)


@rpc("Operator.RaftRemovePeerByID")
async def remove_peer_by_id(srv: Server, req: RaftRemovePeerRequest) -> None:
    """Remove a server by its ID. Raises InternalError for an unknown one, and for the last voter."""
    srv.acl.authorizer(req.Token).require("operator", Access.WRITE)
    if not any(s.id == req.ID for s in srv.consensus.configuration().servers):
        raise InternalError(f"id {quote(req.ID)} was not found in the Raft configuration")
    log.warn("Failed to remove Raft peer with id", peer_id=req.ID, error=_LAST_VOTER)
    raise InternalError(_LAST_VOTER)


@rpc("Operator.TransferLeader")
async def transfer_leader(srv: Server, req: TransferLeaderRequest) -> bool:
    """Hand leadership on. A single server finds nobody: always raises InternalError."""
    srv.acl.authorizer(req.Token).require("operator", Access.WRITE)
    if req.ID and not any(s.id == req.ID for s in srv.consensus.configuration().servers):
        raise InternalError(f"Could not find address for server id {req.ID}")
    raise InternalError("cannot transfer leadership to itself" if req.ID else "cannot find peer")


@rpc("Operator.AutopilotGetConfiguration")
async def get_autopilot(srv: Server, ask: ReadRequest) -> AutopilotConfig:
    """Autopilot's settings."""
    srv.acl.authorizer(ask.Token).require("operator", Access.READ)
    if ask.RequireConsistent:
        await srv.verify()
    config = autopilot_config(srv.db)
    if config is None:
        raise InternalError("autopilot config not initialized yet")
    return config


@rpc("Operator.AutopilotSetConfiguration")
async def set_autopilot(srv: Server, req: AutopilotSetConfigRequest) -> bool:
    """Change the settings; for a conditional write, whether it happened."""
    srv.acl.authorizer(req.Token).require("operator", Access.WRITE)
    with blamed("raft apply failed"):
        return await srv.propose(MessageType.AUTOPILOT, req) is True


@rpc("Operator.ServerHealth")
async def server_health(srv: Server, ask: ReadRequest) -> OperatorHealthReply:
    """The health of all servers; an empty, unhealthy reply until autopilot has looked."""
    srv.acl.authorizer(ask.Token).require("operator", Access.READ)
    state = srv.leader.autopilot.state()
    if state is None:
        return OperatorHealthReply()
    servers = [
        ServerHealth(
            ID=s.ID,
            Name=s.Name,
            Address=s.Address,
            SerfStatus=s.NodeStatus,
            Version=s.Version,
            Leader=s.Status == "leader",
            LastContact=s.LastContact,
            LastTerm=s.LastTerm,
            LastIndex=s.LastIndex,
            Healthy=s.Healthy,
            Voter=s.Status in ("leader", "voter"),
            StableSince=s.StableSince,
        )
        for s in state.Servers.values()
    ]
    return OperatorHealthReply(Healthy=state.Healthy, FailureTolerance=state.FailureTolerance, Servers=servers)


@rpc("Operator.AutopilotState")
async def autopilot_state(srv: Server, ask: ReadRequest) -> AutopilotState:
    """Autopilot's whole view."""
    srv.acl.authorizer(ask.Token).require("operator", Access.READ)
    state = srv.leader.autopilot.state()
    if state is None:
        raise InternalError("Failed to get autopilot state: no state found")
    return state


@rpc("Operator.Usage")
async def usage(srv: Server, ask: OperatorUsageRequest) -> Usage:
    """Counts of this datacenter, which is all there is."""

    def read(db: Store, ws: WatchSet) -> Usage:
        srv.acl.authorizer(ask.Token, ws).require("operator", Access.READ)
        index, counts = service_usage(db, ws)
        return Usage(Index=index, Usage={srv.config.datacenter: counts})

    return await srv.read(ask, read)
