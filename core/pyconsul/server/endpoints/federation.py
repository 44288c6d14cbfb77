"""RPC methods of federation states."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pyconsul.acl import Access
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.endpoints import acl_filter
from pyconsul.server.registry import rpc
from pyconsul.server.state.federation import federation_state, federation_states
from pyconsul.structs.catalog import DCSpecificRequest
from pyconsul.structs.errors import InternalError
from pyconsul.structs.federation import (
    DatacenterIndexedCheckServiceNodes,
    FederationStateQuery,
    FederationStateRequest,
    FederationStateResponse,
    IndexedFederationStates,
)
from pyconsul.structs.gotime import text_of_nanoseconds
from pyconsul.structs.messages import MessageType
from pyconsul.structs.wire import ZERO_TIME, changed

if TYPE_CHECKING:
    from pyconsul.server.server import Server


@rpc("FederationState.Apply")
async def apply(srv: Server, req: FederationStateRequest) -> bool:
    """Store or forget a state. Raises InternalError for a request without a datacenter or of another kind."""
    srv.acl.authorizer(req.Token).require("operator", Access.WRITE)
    if req.State is None or not req.State.Datacenter:
        raise InternalError("invalid request: missing federation state datacenter")
    if req.Op not in ("upsert", "delete"):
        raise InternalError(f"Invalid federation state operation: {req.Op}")
    if req.Op == "upsert" and req.State.UpdatedAt == ZERO_TIME:
        req = changed(req, State=changed(req.State, UpdatedAt=text_of_nanoseconds(time.time_ns())))
    return await srv.propose(MessageType.FEDERATION_STATE, req) is True


@rpc("FederationState.Get")
async def get(srv: Server, ask: FederationStateQuery) -> FederationStateResponse:
    """One datacenter's state, or null."""

    def read(db: Store, ws: WatchSet) -> FederationStateResponse:
        srv.acl.authorizer(ask.Token, ws).require("operator", Access.READ)
        index, state = federation_state(db, ask.TargetDatacenter, ws)
        return FederationStateResponse(Index=index, State=state)

    return await srv.read(ask, read, found=lambda reply: reply.State is not None)


@rpc("FederationState.List")
async def list_states(srv: Server, ask: DCSpecificRequest) -> IndexedFederationStates:
    """All states by datacenter."""

    def read(db: Store, ws: WatchSet) -> IndexedFederationStates:
        srv.acl.authorizer(ask.Token, ws).require("operator", Access.READ)
        index, states = federation_states(db, ws)
        return IndexedFederationStates(Index=index, States=states)

    return await srv.read(ask, read)


@rpc("FederationState.ListMeshGateways")
async def list_mesh_gateways(srv: Server, ask: DCSpecificRequest) -> DatacenterIndexedCheckServiceNodes:
    """The mesh gateways of all datacenters that have any."""

    def read(db: Store, ws: WatchSet) -> DatacenterIndexedCheckServiceNodes:
        index, states = federation_states(db, ws)
        gateways = {state.Datacenter: state.MeshGateways for state in states if state.MeshGateways}
        gateways, filtered = acl_filter.by_datacenter(srv.acl.authorizer(ask.Token, ws), gateways)
        return DatacenterIndexedCheckServiceNodes(Index=index, DatacenterNodes=gateways, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)
