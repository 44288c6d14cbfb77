"""Answers of fixed shape: their records packed once, joined in a fresh order for every query.

Most answers of a service differ only in which instances they show and in what order. Where every order gives records
of known octets at computable offsets, a plan makes the packet without packing anything. ``cut`` tells of plans whose
packets do not show all there is.
"""

from typing import Final

import msgspec

from pyconsul.agent.dns.core import DnsCore
from pyconsul.agent.dns.lookup import Dice, Group, RecordSet
from pyconsul.agent.dns.message import Query
from pyconsul.agent.dns.names import BadName, suffixes, wire
from pyconsul.agent.dns.records import Packer, Record, Type
from pyconsul.agent.dns.trim import MAX_UDP_ANSWERS, PLAIN_UDP, udp_size

_OWNER: Final = b"\xc0\x0c"  # the question's name, right behind the header
_POINTABLE: Final = 0x3FFF  # the last offset that a compression pointer can name
_BEFORE_RECORDS: Final = 1024  # octets: header and question, with room to spare
_SRV_HEAD: Final = 18  # owner, fixed fields, priority, weight, port: what stands before an SRV's target
_ADDRESSES: Final = (Type.A, Type.AAAA)
_PLAIN_EXTRAS: Final = (Type.A, Type.AAAA, Type.TXT)


class FixedPlan(msgspec.Struct, frozen=True):
    """A packet without any choice in it; only the query's number changes."""

    rest: bytes
    cut: bool

    def packet(self, number: bytes, dice: Dice) -> bytes:
        """The answer to the query with this number."""
        del dice
        return number + self.rest


class AddressPlan(msgspec.Struct, frozen=True):
    """Address records of one name: ``count`` of the ``chunks`` between ``head`` and ``tail``."""

    head: bytes
    chunks: list[bytes]
    count: int
    tail: bytes
    cut: bool

    def packet(self, number: bytes, dice: Dice) -> bytes:
        """The answer to the query with this number."""
        return b"".join((number, self.head, *dice.sample(self.chunks, self.count), self.tail))


class SrvPlan(msgspec.Struct, frozen=True):
    """SRV records, each with the records of its target, whose owner points at the target in the SRV record."""

    head: bytes
    chunks: list[tuple[bytes, tuple[bytes, ...]]]
    count: int
    tail: bytes
    cut: bool

    def packet(self, number: bytes, dice: Dice) -> bytes:
        """The answer to the query with this number."""
        parts = [number, self.head]
        extras: list[bytes] = []
        at = len(self.head) + 2
        for record, further in dice.sample(self.chunks, self.count):
            parts.append(record)
            if further:
                pointer = (0xC000 | at + _SRV_HEAD).to_bytes(2, "big")
                for extra in further:
                    extras.append(pointer)
                    extras.append(extra)
            at += len(record)
        parts += extras
        parts.append(self.tail)
        return b"".join(parts)


Plan = FixedPlan | AddressPlan | SrvPlan


def plan_of(core: DnsCore, query: Query, found: RecordSet, *, tcp: bool) -> Plan | None:
    """A plan for a record set; None where its packets have to be made one by one."""
    try:
        return _plan_of(core, query, found, tcp=tcp)
    except BadName:  # a record that cannot be written: each answer says so
        return None


def _plan_of(core: DnsCore, query: Query, found: RecordSet, *, tcp: bool) -> Plan | None:
    drawn = found.groups and not (found.answer or found.additional or found.keep_order)
    if not drawn or not core.settings.compress or query.type == Type.SOA:
        return _fixed(core, query, found, tcp=tcp)
    if len({group.key for group in found.groups}) != len(found.groups):
        return None
    if any(len(g.answer) != 1 or g.answer[0].name != query.name for g in found.groups):
        return None
    if query.type == Type.SRV:
        return _srv_plan(core, query, found, tcp=tcp)
    return _address_plan(core, query, found, tcp=tcp)


def _fixed(core: DnsCore, query: Query, found: RecordSet, *, tcp: bool) -> Plan | None:
    message = core.message(query, found, tcp=tcp, now=0)
    if found.groups or any(r.type == Type.SOA for r in (*message.answer, *message.authority)):
        return None  # the serial of an SOA record is the time
    return FixedPlan(message.pack()[2:], message.whole is not None)


def _address_plan(core: DnsCore, query: Query, found: RecordSet, *, tcp: bool) -> Plan | None:
    kinds = {group.answer[0].type for group in found.groups}
    if len(kinds) != 1 or not kinds <= set(_ADDRESSES) or any(g.additional for g in found.groups):
        return None
    message = core.message(query, found, tcp=tcp, now=0)
    packet = message.pack()
    chunks = [_chunk(group.answer[0]) for group in found.groups]
    start = _after_question(query)
    end = start + len(message.answer) * len(chunks[0])
    return AddressPlan(packet[2:start], chunks, len(message.answer), packet[end:], message.whole is not None)


def _srv_plan(core: DnsCore, query: Query, found: RecordSet, *, tcp: bool) -> Plan | None:
    # What fits with the largest instances in front fits in any order, so this one message stands for all.
    groups = sorted(found.groups, key=lambda g: sum(r.size() for r in (*g.answer, *g.additional)), reverse=True)
    if not _targets_stand_apart(query, groups):
        return None
    largest = RecordSet(groups=groups, keep_order=True, ecs_global=found.ecs_global)
    message = core.message(query, largest, tcp=tcp, now=0)
    whole = sum(len(g.additional) for g in groups) + (query.edns is not None)
    limit = min(MAX_UDP_ANSWERS, core.settings.udp_answer_limit)
    by_number = not tcp and udp_size(message) == PLAIN_UDP and len(message.answer) == limit
    if not (by_number if len(message.answer) < len(groups) else len(message.additional) == whole):
        return None  # octets decided, not the number of records: another order may show more of them
    if sum(_size(g) for g in groups[: len(message.answer)]) > _POINTABLE - _BEFORE_RECORDS:
        return None  # not every target could be pointed at
    extras = 1 if len(message.answer) < len(groups) else None  # trimming leaves each target one record
    chunks = [(_chunk(g.answer[0]), tuple(_without_owner(r) for r in g.additional[:extras])) for g in found.groups]
    opt = b"".join(_chunk(r, owner=b"\0") for r in message.additional if r.type == Type.OPT)
    if len({len(further) for _, further in chunks}) > 1:
        return None  # the header counts them
    return SrvPlan(message.header()[2:] + _question(query), chunks, len(message.answer), opt, message.whole is not None)


def _targets_stand_apart(query: Query, groups: list[Group]) -> bool:
    """Whether each target is written out where its SRV record stands, and its extras point to it alone."""
    targets = {g.answer[0].target for g in groups}
    if len(targets) != len(groups) or len({t.lower() for t in targets}) != len(groups):
        return False
    tails = {suffix for suffix, _ in suffixes(query.name)}
    for target in targets:
        tails.update(suffix for suffix, _ in suffixes(target)[1:])
    if targets & tails:
        return False
    return all(r.name == g.answer[0].target and r.type in _PLAIN_EXTRAS for g in groups for r in g.additional)


def _size(group: Group) -> int:
    return sum(record.size() for record in (*group.answer, *group.additional))


def _question(query: Query) -> bytes:
    return wire(query.name) + query.type.to_bytes(2, "big") + query.qclass.to_bytes(2, "big")


def _after_question(query: Query) -> int:
    return 12 + len(_question(query))


def _without_owner(record: Record) -> bytes:
    packer = Packer(b"", compress=False)
    packer.record(record)
    return bytes(packer.out[len(wire(record.name)) :])


def _chunk(record: Record, owner: bytes = _OWNER) -> bytes:
    return owner + _without_owner(record)
