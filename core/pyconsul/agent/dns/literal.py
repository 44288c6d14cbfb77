"""Names that spell an address, and the virtual addresses of services."""

from ipaddress import ip_address

from pyconsul.agent.dns.lookup import Asked, InvalidName, RecordSet, Step, ask, kind, parse_locality
from pyconsul.agent.dns.names import parse_ip
from pyconsul.agent.dns.records import Type, address
from pyconsul.structs.catalog import ServiceSpecificRequest


@kind("addr")
def find_address(asked: Asked, parts: list[str], behind: list[str]) -> Step[RecordSet]:
    """``7f000001.addr[.anything]``: 8 or 32 hexadecimal digits."""
    del behind
    yield from ()
    if len(parts) != 1 or len(parts[0]) // 2 not in (4, 16):  # an odd digit too many is found below
        raise InvalidName
    try:
        ip = ip_address(bytes.fromhex(parts[0])) if parts[0].isalnum() else None
    except ValueError:
        ip = None
    if ip is None:
        raise InvalidName
    record = address(asked.own_name, asked.settings.node_ttl, ip)
    if asked.type in (record.type, Type.ANY):
        return RecordSet(answer=[record])
    return RecordSet(additional=[record])


@kind("virtual")
def find_virtual(asked: Asked, parts: list[str], behind: list[str]) -> Step[RecordSet]:
    """``name.virtual[.peer]``: the virtual IP of a service; no records where it has none."""
    if not parts:
        raise InvalidName
    where = parse_locality(behind)
    request = ServiceSpecificRequest(
        PeerName=where.peer or where.peer_or_datacenter,
        ServiceName=parts[-1],
        Token=asked.settings.token,
    )
    ip = parse_ip((yield from ask(asked, "Catalog.VirtualIPForService", request)) or "")
    if ip is None:
        return RecordSet(cacheable=False)
    return RecordSet(answer=[address(asked.own_name, asked.settings.node_ttl, ip)], cacheable=False)
