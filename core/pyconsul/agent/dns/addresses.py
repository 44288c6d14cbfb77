"""Records for nodes and service instances: which address they show, and what a name in place of one leads to."""

from ipaddress import IPv4Address

from pyconsul.agent.dns.lookup import Asked, Endless, NoSuchName, Recurse, Step, find, with_question
from pyconsul.agent.dns.names import BadName, IPAddress, fqdn, parse_ip
from pyconsul.agent.dns.records import Record, Type, address, pointing, txt
from pyconsul.agent.dns.settings import DnsSettings
from pyconsul.structs.catalog import Node, NodeService
from pyconsul.structs.errors import ConsulError

_IPV4_TYPES = (Type.A, Type.SRV, Type.ANY, Type.NS, Type.TXT)
_IPV6_TYPES = (Type.AAAA, Type.SRV, Type.ANY, Type.NS, Type.TXT)


def best_address(plain: str, tagged: dict[str, str], *, wan: bool, v4: bool = True, v6: bool = True) -> str:
    """The address to show of a plain one and its tagged variants.

    A tagged address of a wanted family wins; ``wan`` prefers the addresses for other datacenters.
    """
    tagged_v4, tagged_v6 = tagged.get("lan_ipv4", ""), tagged.get("lan_ipv6", "")
    if wan:
        plain = tagged.get("wan", plain)
        tagged_v4 = tagged.get("wan_ipv4", tagged_v4)
        tagged_v6 = tagged.get("wan_ipv6", tagged_v6)
    if v6 and tagged_v6:
        return tagged_v6
    return tagged_v4 if v4 and tagged_v4 else plain


def _shown(settings: DnsSettings, datacenter: str, plain: str, tagged: dict[str, str], rtype: int) -> str:
    wan = settings.translate_wan and datacenter != settings.datacenter
    return best_address(plain, tagged, wan=wan, v4=rtype != Type.AAAA, v6=rtype != Type.A)


def node_address(settings: DnsSettings, node: Node, rtype: int) -> str:
    """The address of a node."""
    return _shown(settings, node.Datacenter, node.Address, node.TaggedAddresses or {}, rtype)


def service_address(settings: DnsSettings, datacenter: str, service: NodeService, rtype: int) -> str:
    """The address of an instance, "" where it has none of its own."""
    tagged = service.TaggedAddresses or {}
    addresses = {tag: row.Address for tag, row in tagged.items()}
    return _shown(settings, datacenter, service.Address, addresses, rtype)


def service_port(settings: DnsSettings, datacenter: str, service: NodeService) -> int:
    """The port of an instance."""
    if settings.translate_wan and datacenter != settings.datacenter and service.TaggedAddresses:
        wan = service.TaggedAddresses.get("wan")
        if wan is not None and wan.Port:
            return wan.Port
    return service.Port or 0


def address_for(rtype: int, name: str, ttl: int, ip: IPAddress) -> Record | None:
    """An address record, None where a question of this type does not want the family."""
    wanted = _IPV4_TYPES if isinstance(ip, IPv4Address) else _IPV6_TYPES
    return address(name, ttl, ip) if rtype in wanted else None


def node_name(node: Node, domain: str) -> str:
    """The full name of a node."""
    if node.PeerName:
        return f"{node.Node}.node.{node.PeerName}.peer.{domain}"
    return f"{node.Node}.node.{node.Datacenter}.{domain}"


def node_records(asked: Asked, node: Node, rtype: int, name: str) -> Step[tuple[list[Record], bool]]:
    """Address records of a node under ``name``, or a CNAME with what it leads to; False if no watch covers them."""
    ttl = asked.settings.node_ttl
    ip = parse_ip(node_address(asked.settings, node, rtype))
    if ip is not None:
        record = address_for(rtype, name, ttl, ip)
        return ([record] if record else []), True
    target = fqdn(node.Address)
    further = yield from resolve(asked, target)
    return [pointing(Type.CNAME, name, ttl, target), *further], False


def resolve(asked: Asked, name: str) -> Step[list[Record]]:
    """The records behind a name: from our own catalog for names in our domain, else from the recursors."""
    settings = asked.settings
    lower = name.lower()
    if lower.endswith(("." + settings.domain, "." + settings.alt_domain)):
        if asked.depth < 1:
            yield Endless(name)
            return []
        try:
            found = yield from find(with_question(asked, name, Type.ANY))
        except (NoSuchName, ConsulError):
            return []
        return found.draw(asked.dice)[0]
    if not settings.recursors:
        return []
    return (yield Recurse(name))


def meta_records(name: str, node: Node, ttl: int) -> list[Record]:
    """One TXT record for each pair of a node's metadata; ``rfc1035-`` keys show the value alone."""
    found: list[Record] = []
    for key, value in (node.Meta or {}).items():
        text = value if key.lower().startswith("rfc1035-") else rfc1464(key, value)
        try:
            found.append(txt(name, ttl, text))
        except BadName:  # longer than one string holds; the rest of the answer is worth more than silence
            continue
    return found


def rfc1464(key: str, value: str) -> str:
    """A pair as RFC 1464 writes it."""
    key = key.replace("`", "``").replace("=", "`=")
    core = key.lstrip(" ")
    key = "` " * (len(key) - len(core)) + core
    core = key.rstrip(" ")
    key = core + "` " * (len(key) - len(core))
    return f"{key}={value.replace('`', '``')}"
