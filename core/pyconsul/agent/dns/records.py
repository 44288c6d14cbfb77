"""Resource records, and how a message of them is packed as Consul packs it.

The compression rules differ from most libraries': owners and the targets of CNAME, NS, PTR and SOA may point back,
the target of SRV may not but may be pointed to; names are compared with their case. Sizes depend on it, and so do the
answers that fit into a packet.
"""

import struct
from enum import IntEnum
from ipaddress import IPv4Address
from typing import Final

import msgspec

from pyconsul.agent.dns.names import BadName, IPAddress, suffixes, wire


class Type(IntEnum):
    """Record types that this server knows; any other number may be asked for, too."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    PTR = 12
    MX = 15
    TXT = 16
    AAAA = 28
    SRV = 33
    OPT = 41
    DS = 43
    AXFR = 252
    ANY = 255


# First number, and the names from there on, as IANA has them registered.
_NAMES: Final = (
    (0, "None A NS MD MF CNAME SOA MB MG MR NULL"),
    (12, "PTR HINFO MINFO MX TXT RP AFSDB X25 ISDN RT"),
    (23, "NSAP-PTR SIG KEY PX GPOS AAAA LOC NXT EID NIMLOC SRV ATMA NAPTR KX CERT"),
    (39, "DNAME"),
    (41, "OPT APL DS SSHFP"),
    (46, "RRSIG NSEC DNSKEY DHCID NSEC3 NSEC3PARAM TLSA SMIMEA"),
    (55, "HIP NINFO RKEY TALINK CDS CDNSKEY OPENPGPKEY CSYNC ZONEMD SVCB HTTPS"),
    (99, "SPF UINFO UID GID UNSPEC NID L32 L64 LP EUI48 EUI64"),
    (249, "TKEY TSIG IXFR AXFR MAILB MAILA ANY URI CAA AVC"),
    (32768, "TA DLV"),
    (65535, "Reserved"),
)


def type_name(number: int) -> str:
    """The name of a record type, ``TYPE11`` for a number that has none."""
    first, names = max(run for run in _NAMES if run[0] <= number)
    run = names.split()
    return run[number - first] if number - first < len(run) else f"TYPE{number}"


class Rcode(IntEnum):
    """Response codes."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5


INTERNET: Final = 1
_MAX_POINTER: Final = 0x4000
_HEAD = struct.Struct(">HHIH")
_SRV = struct.Struct(">HHH")
_SOA = struct.Struct(">IIIII")


class Record(msgspec.Struct, frozen=True):
    """One record. ``data`` holds octets, and text where a domain name stands."""

    name: str
    type: int
    ttl: int
    data: tuple[bytes | str, ...]
    rclass: int = INTERNET

    @property
    def target(self) -> str:
        """The last domain name in the data, "" where there is none."""
        return next((part for part in reversed(self.data) if isinstance(part, str)), "")

    def size(self) -> int:
        """Octets without compression."""
        return len(wire(self.name)) + 10 + sum(len(wire(p) if isinstance(p, str) else p) for p in self.data)


def address(name: str, ttl: int, ip: IPAddress) -> Record:
    """An A or AAAA record, by the family of ``ip``."""
    return Record(name, Type.A if isinstance(ip, IPv4Address) else Type.AAAA, ttl, (ip.packed,))


def srv(name: str, ttl: int, weight: int, port: int, target: str) -> Record:
    """An SRV record of priority 1; numbers wrap at 16 bits as Go's do."""
    return Record(name, Type.SRV, ttl, (_SRV.pack(1, weight & 0xFFFF, port & 0xFFFF), target))


def pointing(rtype: Type, name: str, ttl: int, target: str) -> Record:
    """A CNAME, NS or PTR record."""
    return Record(name, rtype, ttl, (target,))


def soa(domain: str, serial: int, refresh: int, retry: int, expire: int, min_ttl: int) -> Record:
    """The start of authority of ``domain``; negative answers may be kept ``min_ttl`` seconds."""
    numbers = _SOA.pack(serial & 0xFFFFFFFF, refresh, retry, expire, min_ttl)
    return Record(domain, Type.SOA, min_ttl, (f"ns.{domain}", f"hostmaster.{domain}", numbers))


def txt(name: str, ttl: int, text: str) -> Record:
    r"""A TXT record of one string. ``\"`` and ``\065`` in it are escapes. Raises ``BadName`` over 255 octets."""
    raw = text.encode("utf-8", "surrogateescape")
    if b"\\" in raw:
        raw = _unescape(raw)
    if len(raw) > 255:
        raise BadName(f"text of {len(raw)} octets")
    return Record(name, Type.TXT, ttl, (bytes((len(raw),)) + raw,))


def _unescape(raw: bytes) -> bytes:
    out = bytearray()
    at = 0
    while at < len(raw):
        if raw[at] == 0x5C:
            at += 1
            if at == len(raw):
                break
            if raw[at : at + 3].isdigit() and at + 3 <= len(raw):
                out.append(int(raw[at : at + 3]) & 0xFF)
                at += 3
                continue
        out.append(raw[at])
        at += 1
    return bytes(out)


class Packer:
    """Writes names and records one after the other, pointing back to names that stand already."""

    def __init__(self, start: bytes, *, compress: bool) -> None:
        self.out = bytearray(start)
        self._offsets: dict[str, int] | None = {} if compress else None

    def name(self, name: str, *, compress: bool = True) -> None:
        """Append a name; with ``compress=False`` it is written out but may be pointed to later."""
        out, offsets = self.out, self._offsets
        if offsets is None:
            out += wire(name)
            return
        for suffix, octets in suffixes(name):
            known = offsets.get(suffix)
            if known is None:
                if len(out) < _MAX_POINTER:
                    offsets[suffix] = len(out)
            elif compress:
                out += (0xC000 | known).to_bytes(2, "big")
                return
            out += octets
        out.append(0)

    def record(self, record: Record) -> None:
        """Append a record."""
        out = self.out
        self.name(record.name)
        head = len(out)
        out += _HEAD.pack(record.type, record.rclass, record.ttl & 0xFFFFFFFF, 0)
        compress = record.type != Type.SRV
        for part in record.data:
            if isinstance(part, str):
                self.name(part, compress=compress)
            else:
                out += part
        size = len(out) - head - 10
        if size > 0xFFFF:
            raise BadName("record data over 64 KiB")
        out[head + 8 : head + 10] = size.to_bytes(2, "big")
