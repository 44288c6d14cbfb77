"""Queries as they come from a packet, and answers on their way into one."""

from __future__ import annotations

import struct
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Final

import msgspec

from pyconsul.agent.dns.names import BadName, read_name, wire
from pyconsul.agent.dns.records import Packer, Rcode, Record, Type

HEADER = struct.Struct(">HHHHHH")
_QUESTION = struct.Struct(">HH")
_FIXED = struct.Struct(">HHIH")
QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010
_OPCODE = 0x7800
_OPCODES = {0: "QUERY", 4 << 11: "NOTIFY"}
_ECS = 8
_DATA_SIZES = {int(Type.A): 4, int(Type.AAAA): 16, int(Type.ANY): 0}


class Unanswerable(Exception):
    """A packet that gets no handler: ``reply`` is sent back, nothing where it is None."""

    def __init__(self, reply: bytes | None) -> None:
        super().__init__("bad query" if reply else "not a query")
        self.reply = reply


class Subnet(msgspec.Struct, frozen=True):
    """The client's subnet as a resolver tells it (RFC 7871)."""

    family: int
    mask: int
    address: IPv4Address | IPv6Address | None

    def option(self, scope: int) -> bytes:
        """The option as it goes back, valid for a subnet of ``scope`` bits."""
        size = (self.mask + 7) // 8
        raw = b"" if self.address is None else self.address.packed
        if raw and self.mask < len(raw) * 8:
            keep = int.from_bytes(raw, "big") >> (len(raw) * 8 - self.mask) << (len(raw) * 8 - self.mask)
            raw = keep.to_bytes(len(raw), "big")
        body = struct.pack(">HBB", self.family, self.mask, scope) + raw[:size]
        return struct.pack(">HH", _ECS, len(body)) + body


class Edns(msgspec.Struct, frozen=True):
    """The OPT record of a query: how large an answer may be, and for whom it is."""

    payload: int
    subnet: Subnet | None = None
    has_options: bool = False
    record: bytes = b""  # as it came, to be passed on


class Query(msgspec.Struct, frozen=True):
    """One question. ``name`` keeps the case in which it was asked."""

    id: int
    flags: int
    name: str
    type: int
    qclass: int = 1
    edns: Edns | None = None
    packet: bytes = b""

    @property
    def has_options(self) -> bool:
        """Whether EDNS options came with it."""
        return self.edns is not None and self.edns.has_options

    def forwarded(self) -> bytes:
        """The query for another server: the question and the OPT record, without whatever else came along."""
        opt = self.edns.record if self.edns else b""
        header = HEADER.pack(self.id, self.flags, 1, 0, 0, 1 if opt else 0)
        return header + wire(self.name) + _QUESTION.pack(self.type, self.qclass) + opt

    def cache_key(self) -> object:
        """All of the query that may change the answer."""
        edns = self.edns and (self.edns.payload, self.edns.subnet)
        return (self.flags & (_OPCODE | RD | CD), self.name, self.type, self.qclass, edns)


def parse(packet: bytes) -> Query:
    """The query in a packet. Raises ``Unanswerable`` as Consul's DNS library judges packets."""
    if len(packet) < 12:
        raise Unanswerable(None)
    number, flags, questions, answers, authorities, extras = HEADER.unpack_from(packet)
    if flags & QR:
        raise Unanswerable(None)
    if flags & _OPCODE not in _OPCODES:
        raise Unanswerable(_bounce(number, flags, Rcode.NOTIMP, b""))
    if questions != 1 or answers > 1 or authorities > 1 or extras > 2:
        raise Unanswerable(_bounce(number, flags, Rcode.FORMERR, b""))
    if len(packet) == 12:
        raise Unanswerable(HEADER.pack(number, reply_flags(flags) | Rcode.REFUSED, 0, 0, 0, 0))
    question = b""
    try:
        name, at = read_name(packet, 12)
        qtype, qclass, at = _type_and_class(packet, at)
        question = wire(name) + _QUESTION.pack(qtype, qclass)
        edns = _read_records(packet, at, (answers, authorities, extras))
    except (BadName, struct.error) as bad:
        raise Unanswerable(_bounce(number, flags, Rcode.FORMERR, question)) from bad
    return Query(number, flags, name, qtype, qclass, edns, packet)


def _type_and_class(packet: bytes, at: int) -> tuple[int, int, int]:
    """Type and class of the question; a packet may end before either, which then is 0."""
    if at == len(packet):
        return 0, 0, at
    if at + 2 <= len(packet) <= at + 3:
        return int.from_bytes(packet[at : at + 2], "big"), 0, len(packet)
    qtype, qclass = _QUESTION.unpack_from(packet, at)
    return qtype, qclass, at + 4


def _bounce(number: int, flags: int, rcode: Rcode, question: bytes) -> bytes:
    """A packet's own header sent back with an error; only NOTIMP keeps the opcode."""
    kept = flags & (TC | RD | RA | AD | CD)
    opcode = flags & _OPCODE if rcode == Rcode.NOTIMP else 0
    return HEADER.pack(number, QR | opcode | kept | rcode, 1 if question else 0, 0, 0, 0) + question


def reply_flags(flags: int) -> int:
    """The header bits of every reply to a query with these."""
    opcode = flags & _OPCODE
    return QR | opcode | (flags & (RD | CD) if opcode == 0 else 0)


def _read_records(packet: bytes, at: int, counts: tuple[int, int, int]) -> Edns | None:
    """Walk over the records behind the question; the last OPT among the additional ones counts."""
    edns = None
    for section, count in enumerate(counts):
        for _ in range(count):
            if at == len(packet):
                break
            _, start = read_name(packet, at)
            rtype, rclass, _, size = _FIXED.unpack_from(packet, start)
            at = start + 10 + size
            if at > len(packet):
                raise BadName("record data runs out of the packet")
            _check_data(packet, rtype, at - size, size)
            if rtype == Type.OPT:
                found = Edns(rclass, _read_subnet(packet[at - size : at]), size > 0, b"\0" + packet[start:at])
                edns = found if section == 2 else edns
    return edns


def _check_data(packet: bytes, rtype: int, at: int, size: int) -> None:
    """Raise ``BadName`` for record data that does not have the form of its type."""
    if size and _DATA_SIZES.get(rtype, size) != size:
        raise BadName("record data of the wrong size")
    if size and rtype in (Type.NS, Type.CNAME, Type.PTR) and read_name(packet, at)[1] != at + size:
        raise BadName("record data that is no name")


def _any_size(size: int) -> bool:
    del size
    return True


# Sizes of the EDNS options that have a form, by their code: LLQ, UL, EXPIRE, TCP-KEEPALIVE, EDE.
_OPTION_FITS: Final[dict[int, Callable[[int], bool]]] = {
    1: lambda size: size >= 18,
    2: lambda size: size in (4, 8),
    9: lambda size: size == 0 or size >= 4,
    11: lambda size: size in (0, 2),
    15: lambda size: size >= 2,
}


def _read_subnet(options: bytes) -> Subnet | None:
    at = 0
    found: Subnet | None = None
    while at < len(options):
        code, size = struct.unpack_from(">HH", options, at)
        body = options[at + 4 : at + 4 + size]
        if len(body) < size:
            raise BadName("option runs out of its record")
        if not _OPTION_FITS.get(code, _any_size)(size):
            raise BadName(f"option {code} of {size} octets")
        if code == _ECS:
            found = found or _subnet(body)
        at += 4 + size
    return found


def _subnet(body: bytes) -> Subnet:
    family, mask, scope = struct.unpack_from(">HBB", body)
    raw = body[4:]
    if family == 0:
        if mask:
            raise BadName("subnet of no family with a mask")
        return Subnet(0, 0, None)
    width = {1: 4, 2: 16}.get(family)
    if width is None or mask > width * 8 or scope > width * 8:
        raise BadName("bad client subnet")
    raw = raw[:width].ljust(width, b"\0")
    return Subnet(family, mask, IPv4Address(raw) if width == 4 else IPv6Address(raw))


class Message(msgspec.Struct):
    """An answer: three sections of records under the question of ``query``.

    ``whole`` is what it was before answers were left out for its size; None where all of them are there.
    """

    query: Query
    rcode: int = Rcode.NOERROR
    authoritative: bool = True
    recursion: bool = False
    truncated: bool = False
    compress: bool = True
    answer: list[Record] = msgspec.field(default_factory=list[Record])
    authority: list[Record] = msgspec.field(default_factory=list[Record])
    additional: list[Record] = msgspec.field(default_factory=list[Record])
    whole: Message | None = None

    def header(self) -> bytes:
        """The twelve octets in front."""
        flags = reply_flags(self.query.flags) | self.rcode
        flags |= (AA if self.authoritative else 0) | (RA if self.recursion else 0) | (TC if self.truncated else 0)
        counts = len(self.answer), len(self.authority), len(self.additional)
        return HEADER.pack(self.query.id, flags, 1, *counts)

    def pack(self) -> bytes:
        """The message as octets. Raises ``BadName`` where a record cannot be written."""
        packer = Packer(self.header(), compress=self.compress)
        packer.name(self.query.name)
        packer.out += _QUESTION.pack(self.query.type, self.query.qclass)
        for section in (self.answer, self.authority, self.additional):
            for record in section:
                packer.record(record)
        return bytes(packer.out)

    def size(self) -> int:
        """How many octets ``pack`` gives."""
        if self.compress:
            return len(self.pack())
        size = 12 + len(wire(self.query.name)) + 4
        return size + sum(r.size() for s in (self.answer, self.authority, self.additional) for r in s)

    def add_edns(self, *, ecs_global: bool) -> None:
        """Answer the query's OPT record with one; ``ecs_global`` says the answer is good for every subnet."""
        edns = self.query.edns
        if edns is None:
            return
        option = b""
        if (subnet := edns.subnet) is not None:
            everywhere = ecs_global or self.rcode in _GLOBAL_RCODES
            option = subnet.option(0 if everywhere else subnet.mask)
        self.additional.append(Record(".", Type.OPT, 0, (option,) if option else (), rclass=edns.payload))


_GLOBAL_RCODES = (Rcode.NXDOMAIN, Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP)
