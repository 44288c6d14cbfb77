"""Packets at the edges of the protocol: what is understood of them, and how a real Consul 1.21 refuses the others."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest

from pyconsul.agent.dns.message import Subnet, Unanswerable, parse
from pyconsul.agent.dns.names import wire

NAME = wire("consul.service.consul.")
QUESTION = NAME + b"\0\1\0\1"
NOTHING = None  # is sent back


def packet(*parts: bytes, questions: int = 1, answers: int = 0, extras: int = 0, flags: int = 0x100) -> bytes:
    """A packet with number 7."""
    return struct.pack(">6H", 7, flags, questions, answers, 0, extras) + b"".join(parts)


def record(rtype: int, data: bytes, *, size: int | None = None, rclass: int = 1) -> bytes:
    """A record of the root, whose data may claim another size than it has."""
    return b"\0" + struct.pack(">HHIH", rtype, rclass, 0, len(data) if size is None else size) + data


def opt(data: bytes = b"", payload: int = 1232) -> bytes:
    """An EDNS record."""
    return record(41, data, rclass=payload)


def subnet(family: int, mask: int, scope: int, address: bytes) -> bytes:
    """An EDNS record with a client's subnet."""
    data = struct.pack(">HBB", family, mask, scope) + address
    return opt(struct.pack(">HH", 8, len(data)) + data)


REFUSED, FORMERR, NOTIMP = 0x8105, 0x8101, 0x8904


@pytest.mark.parametrize(
    ("sent", "flags", "questions"),
    [
        (packet(), REFUSED, 0),
        (packet(extras=1), REFUSED, 0),
        (packet(questions=0), FORMERR, 0),
        (packet(QUESTION, QUESTION, questions=2), FORMERR, 0),
        (packet(QUESTION, answers=2), FORMERR, 0),
        (packet(QUESTION, extras=3), FORMERR, 0),
        (packet(QUESTION, flags=0x0900), NOTIMP, 0),
        (packet(NAME, b"\0"), FORMERR, 0),
        (packet(QUESTION, opt()[:-1], extras=1), FORMERR, 1),
        (packet(QUESTION, record(41, b"ab", size=5), extras=1), FORMERR, 1),
        (packet(QUESTION, opt(b"\0"), extras=1), FORMERR, 1),
        (packet(QUESTION, opt(b"\0\x08\0\2\0\1"), extras=1), FORMERR, 1),
        (packet(QUESTION, subnet(3, 24, 0, b"\1\2\3"), extras=1), FORMERR, 1),
        (packet(QUESTION, subnet(0, 24, 0, b"\1\2\3"), extras=1), FORMERR, 1),
        (packet(QUESTION, subnet(1, 33, 0, b"\1\2\3\4"), extras=1), FORMERR, 1),
        (packet(QUESTION, subnet(1, 24, 33, b"\1\2\3"), extras=1), FORMERR, 1),
        (packet(QUESTION, subnet(2, 129, 0, b"\1"), extras=1), FORMERR, 1),
        (packet(QUESTION, record(1, b"abc"), answers=1), FORMERR, 1),
    ],
)
def test_what_is_no_query_is_refused_with_its_own_header(sent: bytes, flags: int, questions: int) -> None:
    """With the question where it could be read, and nothing else."""
    with pytest.raises(Unanswerable) as caught:
        parse(sent)
    head, rest = struct.pack(">6H", 7, flags, questions, 0, 0, 0), QUESTION if questions else b""
    assert caught.value.reply == head + rest


def test_an_answer_is_not_answered() -> None:
    """Two servers would talk for ever."""
    with pytest.raises(Unanswerable) as caught:
        parse(packet(QUESTION, flags=0x8100))
    assert caught.value.reply is NOTHING


@pytest.mark.parametrize(
    ("ending", "asked"), [(b"", (0, 0)), (b"\0\1", (1, 0)), (b"\0\1\0", (1, 0)), (b"\0\1\0\1", (1, 1))]
)
def test_a_question_may_end_before_its_type(ending: bytes, asked: tuple[int, int]) -> None:
    """What is missing is zero; names are read without it."""
    query = parse(packet(NAME, ending))
    assert (query.type, query.qclass) == asked


@pytest.mark.parametrize(
    ("records", "extras", "payload", "client"),
    [
        (opt(), 1, 1232, None),
        (opt(payload=600) + opt(payload=900), 2, 900, None),
        (opt(b"\0\x0a\0\x08" + b"12345678"), 1, 1232, None),  # a cookie
        (subnet(1, 24, 0, b"\1\2\3"), 1, 1232, Subnet(1, 24, IPv4Address("1.2.3.0"))),
        (subnet(1, 32, 32, b"\1\2\3\4"), 1, 1232, Subnet(1, 32, IPv4Address("1.2.3.4"))),
        (subnet(1, 24, 0, b"\1\2\3\4\5\6"), 1, 1232, Subnet(1, 24, IPv4Address("1.2.3.4"))),
        (subnet(2, 56, 0, b"\1\2\3\4\5\6\7"), 1, 1232, Subnet(2, 56, IPv6Address("102:304:506:700::"))),
        (subnet(0, 0, 0, b""), 1, 1232, Subnet(0, 0, None)),
    ],
)
def test_edns_tells_the_size_and_the_client(records: bytes, extras: int, payload: int, client: Subnet | None) -> None:
    """The last record counts; options that mean nothing to Consul are left alone."""
    edns = parse(packet(QUESTION, records, extras=extras)).edns
    assert edns is not None
    assert (edns.payload, edns.subnet) == (payload, client)


@pytest.mark.parametrize(
    "sent",
    [
        packet(QUESTION, extras=1),  # announced and not there
        packet(QUESTION, opt(), answers=1),  # in the wrong section
        packet(QUESTION, record(1, b"abcd"), answers=1),
        packet(QUESTION, record(5, b"\1a\0"), answers=1),
        packet(QUESTION, flags=0x2000),  # a NOTIFY
    ],
)
def test_other_records_are_walked_over(sent: bytes) -> None:
    """The question is answered as if they were not there."""
    query = parse(sent)
    assert (query.name, query.edns) == ("consul.service.consul.", None)
