"""Virtual addresses of mesh services: 240.0.0.0/4, counted up; the one that was freed last goes first.

There are none until the leader enables them, which it does where the mesh is on: every server must read the same log
the same way, whatever its own configuration says.

Addresses are kept as Consul writes them: an offset in 16 raw bytes, mapped IPv4 (``wire/fsm.md`` section 3).
"""

from collections.abc import Callable
from ipaddress import IPv4Address

from pyconsul.memdb import Index, Store, Table
from pyconsul.server.state.catalog_tables import SERVICES, row_key
from pyconsul.server.state.indexes import raise_index
from pyconsul.server.state.system_metadata import metadata_value
from pyconsul.structs.catalog import PeeredServiceName
from pyconsul.structs.errors import InternalError
from pyconsul.structs.system_metadata import GATEWAY_VIRTUAL_IPS, VIRTUAL_IPS
from pyconsul.structs.wire import WireStruct, changed

FIRST_ADDRESS = int(IPv4Address("240.0.0.0"))
LAST_OFFSET = int(IPv4Address("15.255.255.254"))
_MAPPED = bytes(10) + b"\xff\xff"


class ServiceVirtualIP(WireStruct, frozen=True, kw_only=True):
    """A service's address: its own, and those that an operator assigned."""

    Service: PeeredServiceName = PeeredServiceName()
    IP: bytes | None = None
    ManualIPs: list[str] | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0


class FreeVirtualIP(WireStruct, frozen=True, kw_only=True):
    """An address that was given back, or (``IsCounter``) the last one that was counted up to."""

    IP: bytes | None = None
    IsCounter: bool = False


def name_key(whose: PeeredServiceName) -> str:
    """The key of a service's row; our own sort before those of peers."""
    peer = f"peer:{whose.Peer}" if whose.Peer else "~"
    return f"{peer}\0{whose.ServiceName.Name}".lower()


SERVICE_VIRTUAL_IPS: Table[ServiceVirtualIP] = Table(
    name="service-virtual-ips",
    primary=lambda v: name_key(v.Service),
    indexes={"manual": Index(lambda v: tuple(v.ManualIPs or ()))},
)

COUNTER = "counter"
FREED = "freed"

# Consul remembers one freed address, the latest: its index sees the type of the address instead of the address. What
# the next service gets must be the same on every server of a cluster, so this table has two rows at most, too.
FREE_VIRTUAL_IPS: Table[FreeVirtualIP] = Table(
    name="free-virtual-ips", primary=lambda v: COUNTER if v.IsCounter else FREED
)

# Who else keeps a service's address alive after its last instance (config entries do): any true answer holds it.
# The last argument is the gateway that lets go of it, "" for none.
HOLDERS: list[Callable[[Store, PeeredServiceName, str], bool]] = []


def offset_of(ip: bytes | None) -> int:
    """The offset that 16 (or 4) raw bytes stand for."""
    return int.from_bytes((ip or b"")[-4:], "big")


def ip_of(offset: int) -> bytes:
    """The raw bytes of an offset."""
    return _MAPPED + offset.to_bytes(4, "big")


def address_of(row: ServiceVirtualIP) -> str:
    """The address that clients use."""
    return str(IPv4Address((FIRST_ADDRESS + offset_of(row.IP)) & 0xFFFFFFFF))


def enabled(db: Store) -> bool:
    """Whether mesh services get addresses."""
    return metadata_value(db, VIRTUAL_IPS) != ""


def enabled_behind_gateways(db: Store) -> bool:
    """Whether services behind terminating gateways get addresses."""
    return metadata_value(db, GATEWAY_VIRTUAL_IPS) != ""


def virtual_ip_of(db: Store, whose: PeeredServiceName) -> ServiceVirtualIP | None:
    """The service's row, or None."""
    return db.get(SERVICE_VIRTUAL_IPS, name_key(whose))


def assign(db: Store, index: int, whose: PeeredServiceName) -> str:
    """The service's address; gives it one if it has none. Raises InternalError when all are taken."""
    row = virtual_ip_of(db, whose)
    if row is None:
        row = ServiceVirtualIP(Service=whose, IP=ip_of(_next_offset(db)), CreateIndex=index, ModifyIndex=index)
        db.put(SERVICE_VIRTUAL_IPS, row)
        _changed(db, index, whose.Peer)
    return address_of(row)


def _next_offset(db: Store) -> int:
    freed = db.delete(FREE_VIRTUAL_IPS, FREED)
    if freed is not None:
        return offset_of(freed.IP)
    counter = db.get(FREE_VIRTUAL_IPS, COUNTER)
    offset = (offset_of(counter.IP) if counter else 0) + 1
    if offset == LAST_OFFSET:
        raise InternalError("cannot allocate any more unique service virtual IPs")
    db.put(FREE_VIRTUAL_IPS, FreeVirtualIP(IP=ip_of(offset), IsCounter=True))
    return offset


def free(db: Store, index: int, whose: PeeredServiceName, *, by_gateway: str = "") -> None:
    """Give a service's address back once nothing needs it any more, but for the gateway that lets go of it."""
    if db.count_where(SERVICES, "name", row_key(whose.Peer, whose.ServiceName.Name)):
        return
    row = virtual_ip_of(db, whose)
    if row is None or any(holds(db, whose, by_gateway) for holds in HOLDERS):
        return
    db.delete(SERVICE_VIRTUAL_IPS, name_key(whose))
    db.put(FREE_VIRTUAL_IPS, FreeVirtualIP(IP=row.IP))
    _changed(db, index, whose.Peer)


def assign_manual(
    db: Store, index: int, whose: PeeredServiceName, addresses: list[str]
) -> tuple[bool, list[PeeredServiceName]]:
    """Give a service these addresses, taking them from whoever has them.

    Returns whether the service has a row at all, and from whom addresses were taken. Without a row nothing changes.
    """
    row = virtual_ip_of(db, whose)
    if row is None:
        return False, []
    wanted = set(addresses)
    taken_from: list[PeeredServiceName] = []
    for address in sorted(wanted):
        for other in db.where(SERVICE_VIRTUAL_IPS, "manual", address):
            if name_key(other.Service) == name_key(whose):
                continue
            kept = sorted(ip for ip in other.ManualIPs or () if ip not in wanted)
            db.put(SERVICE_VIRTUAL_IPS, changed(other, ManualIPs=kept or None, ModifyIndex=index))
            _changed(db, index, other.Service.Peer)
            taken_from.append(other.Service)
    if set(row.ManualIPs or ()) != wanted:
        db.put(SERVICE_VIRTUAL_IPS, changed(row, ManualIPs=sorted(addresses), ModifyIndex=index))
        _changed(db, index, whose.Peer)
    return True, taken_from


def _changed(db: Store, index: int, peer: str) -> None:
    raise_index(db, index, "service-virtual-ips")
    if peer:
        raise_index(db, index, "service-virtual-ips.imported")
