"""Log entries and snapshot records of the mesh's virtual addresses."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state import virtual_ips
from pyconsul.server.state.virtual_ips import FREE_VIRTUAL_IPS, SERVICE_VIRTUAL_IPS, FreeVirtualIP, ServiceVirtualIP
from pyconsul.structs.catalog import PeeredServiceName, ServiceName
from pyconsul.structs.internal import AssignServiceManualVIPsResponse
from pyconsul.structs.messages import MessageType


@applies(MessageType.UPDATE_VIRTUAL_IP, ServiceVirtualIP)
def apply_manual(db: Store, index: int, row: ServiceVirtualIP) -> AssignServiceManualVIPsResponse:
    """Assign an operator's addresses to a service; answers whether it has a row, and who lost addresses."""
    found, taken_from = virtual_ips.assign_manual(db, index, row.Service, row.ManualIPs or [])
    return AssignServiceManualVIPsResponse(Found=found, UnassignedFrom=taken_from or None)


class WhoseIP(PeeredServiceName, frozen=True, kw_only=True):
    """Whose address it is, as servers before 1.13 wrote it, too: services had a bare name then, and no peer."""

    Name: str = ""


class ReadVirtualIP(ServiceVirtualIP, frozen=True, kw_only=True):
    """A record of any version."""

    Service: WhoseIP = WhoseIP()


def load_service_ip(db: Store, row: ReadVirtualIP) -> None:
    """Put one service's addresses back."""
    name = row.Service.ServiceName.Name or row.Service.Name
    whose = PeeredServiceName(ServiceName=ServiceName(Name=name), Peer=row.Service.Peer)
    db.put(
        SERVICE_VIRTUAL_IPS,
        ServiceVirtualIP(
            Service=whose,
            IP=row.IP,
            ManualIPs=row.ManualIPs,
            CreateIndex=row.CreateIndex,
            ModifyIndex=row.ModifyIndex,
        ),
    )


@snapshot_records(MessageType.SERVICE_VIRTUAL_IP, ServiceVirtualIP, load=load_service_ip, read=ReadVirtualIP)
def service_ip_rows(frozen: FrozenStore) -> Iterable[ServiceVirtualIP]:
    """The addresses in use."""
    return frozen.all(SERVICE_VIRTUAL_IPS)


def load_free_ip(db: Store, row: FreeVirtualIP) -> None:
    """Put one freed address, or the counter, back."""
    db.put(FREE_VIRTUAL_IPS, row)


@snapshot_records(MessageType.FREE_VIRTUAL_IP, FreeVirtualIP, load=load_free_ip)
def free_ip_rows(frozen: FrozenStore) -> Iterable[FreeVirtualIP]:
    """The freed addresses and the counter."""
    return frozen.all(FREE_VIRTUAL_IPS)
