"""What datacenters tell each other about their mesh gateways."""

from typing import TypeAlias

from pyconsul.structs.catalog import CheckServiceNode
from pyconsul.structs.wire import UNSET, ZERO_TIME, GoTime, Indexed, ReadRequest, UnsetType, WireStruct, WriteRequest


class FederationState(WireStruct, frozen=True, kw_only=True):
    """One datacenter's mesh gateways as of ``UpdatedAt``."""

    Datacenter: str = ""
    MeshGateways: list[CheckServiceNode] | UnsetType | None = UNSET
    UpdatedAt: GoTime = ZERO_TIME
    PrimaryModifyIndex: int = 0
    CreateIndex: int = 0
    ModifyIndex: int = 0


StateRow: TypeAlias = FederationState


class FederationStateRequest(WriteRequest, frozen=True, kw_only=True):
    """``Op``: upsert, or delete (of which only the datacenter's name counts)."""

    Op: str = ""
    State: StateRow | None = None


class FederationStateQuery(ReadRequest, frozen=True, kw_only=True):
    """A read of the state of ``Datacenter``, asked of ``TargetDatacenter``."""

    TargetDatacenter: str = ""


class FederationStateResponse(Indexed, frozen=True, kw_only=True):
    """One state, or null."""

    State: StateRow | None = None


class IndexedFederationStates(Indexed, frozen=True, kw_only=True):
    """All states by datacenter."""

    States: list[FederationState] | None = None


class DatacenterIndexedCheckServiceNodes(Indexed, frozen=True, kw_only=True):
    """Mesh gateways by datacenter."""

    DatacenterNodes: dict[str, list[CheckServiceNode]] | None = None
