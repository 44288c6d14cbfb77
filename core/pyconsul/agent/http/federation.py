"""``/v1/internal/federation-state``: what datacenters tell each other about their mesh gateways."""

from __future__ import annotations

from pyconsul.agent.http.discovery import fetch, path_name
from pyconsul.agent.http.reply import Reply, meta_fields
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.structs.catalog import DCSpecificRequest
from pyconsul.structs.federation import (
    DatacenterIndexedCheckServiceNodes,
    FederationStateQuery,
    FederationStateResponse,
    IndexedFederationStates,
)
from pyconsul.structs.wire import changed


@route("GET", "/v1/internal/federation-states")
async def federation_states(req: Request) -> Reply:
    """All states by datacenter."""
    ask = DCSpecificRequest(**req.read_options(refuse_enterprise=False))
    found = await fetch(req, "FederationState.List", ask, IndexedFederationStates, shows_consistency=False)
    return Reply(found.States or [], meta=found)


@route("GET", "/v1/internal/federation-states/mesh-gateways")
async def federation_mesh_gateways(req: Request) -> Reply:
    """Mesh gateways by datacenter; those without any are left out."""
    ask = DCSpecificRequest(**req.read_options(refuse_enterprise=False))
    found = await fetch(
        req, "FederationState.ListMeshGateways", ask, DatacenterIndexedCheckServiceNodes, shows_consistency=False
    )
    return Reply(found.DatacenterNodes or {}, meta=found)


@route("GET", "/v1/internal/federation-state/{dc...}")
async def federation_state(req: Request) -> Reply:
    """One datacenter's state with the fields of a read in the body; 404 without a body when it is unknown."""
    name = path_name(req, "dc", "Missing datacenter name")
    ask = changed(FederationStateQuery(**req.read_options(refuse_enterprise=False)), TargetDatacenter=name)
    found = await fetch(req, "FederationState.Get", ask, FederationStateResponse, shows_consistency=False)
    if found.State is None:
        return Reply.empty(404)
    return Reply({"State": found.State} | meta_fields(found), meta=found)
