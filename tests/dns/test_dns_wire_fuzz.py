"""Packets of any kind: understood, refused as Consul refuses them, or ignored; never a crash."""

from __future__ import annotations

import random
from typing import Any

import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.agent.dns.core import DnsCore, Forward
from pyconsul.agent.dns.lookup import Ask
from pyconsul.agent.dns.message import Unanswerable, parse
from pyconsul.agent.dns.names import BadName, address_of_reverse, labels, parse_ip, read_name, reverse_name, wire
from pyconsul.agent.dns.recursor import read_answers
from pyconsul.agent.dns.settings import DnsSettings, recursor_address
from pyconsul.primitives.dialing import no_such_host
from pyconsul.structs.errors import NoLeader

QUERY = dns.message.make_query("web.service.consul", "A")
QUERY.id = 0x1234


def answered(packet: bytes) -> bytes | None:
    """What a packet gets from a server whose catalog fails."""
    core = DnsCore(DnsSettings(), random.Random(1))
    try:
        query = parse(packet)
    except Unanswerable as bad:
        return bad.reply
    step = core.look_up(query, "")
    try:
        wanted = next(step)
        while True:
            wanted = step.throw(NoLeader()) if isinstance(wanted, Ask) else step.send([])
    except StopIteration as done:
        assert not isinstance(done.value, Forward)
        return core.packet(query, done.value, tcp=False, now=0)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=120))
def test_any_octets_get_an_answer_or_none(packet: bytes) -> None:
    """An answer carries the query's number and the QR flag."""
    reply = answered(packet)
    if reply is not None:
        assert reply[:2] == packet[:2]
        assert reply[2] & 0x80


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_damaged_queries_get_an_answer_or_none(data: st.DataObject) -> None:
    """Octets changed, cut off or added anywhere."""
    packet = bytearray(QUERY.to_wire())
    for _ in range(data.draw(st.integers(0, 4))):
        packet[data.draw(st.integers(0, len(packet) - 1))] = data.draw(st.integers(0, 255))
    packet = packet[: data.draw(st.integers(0, len(packet)))] + data.draw(st.binary(max_size=20))
    reply = answered(bytes(packet))
    if reply is not None:
        dns.message.from_wire(reply, ignore_trailing=True)


@pytest.mark.parametrize(
    ("change", "rcode"),
    [
        ({2: 0x29}, 4),  # an update
        ({5: 2}, 1),  # two questions
        ({5: 0}, 1),
        ({7: 2}, 1),  # two answers in a query
        ({11: 3}, 1),
    ],
)
def test_odd_headers_are_refused(change: dict[int, int], rcode: int) -> None:
    """NOTIMP for other operations, FORMERR for other counts, with the bare header."""
    packet = bytearray(QUERY.to_wire())
    for at, value in change.items():
        packet[at] = value
    reply = answered(bytes(packet))
    assert reply is not None
    assert len(reply) == 12
    assert reply[3] & 15 == rcode


@pytest.mark.parametrize("packet", [b"", b"\0" * 11, b"\x12\x34\x81\0" + b"\0\1" + b"\0" * 6])
def test_short_packets_and_answers_are_ignored(packet: bytes) -> None:
    """Replying to them would only help an attacker."""
    assert answered(packet) is None


def test_a_question_cut_short_is_a_format_error_that_keeps_what_was_read() -> None:
    """A packet that announces records it does not hold is refused with its question."""
    packet = bytearray(QUERY.to_wire())
    packet[11] = 1
    assert answered(bytes(packet) + b"\xc0") is not None
    reply = answered(QUERY.to_wire()[:20])
    assert reply is not None and reply[3] & 15 == dns.rcode.FORMERR


NAMES = st.lists(st.binary(min_size=1, max_size=63), min_size=0, max_size=5).filter(
    lambda parts: sum(len(p) + 1 for p in parts) < 250
)


@settings(max_examples=300, deadline=None)
@given(NAMES)
def test_names_survive_the_way_to_text_and_back(parts: list[bytes]) -> None:
    """Any octets may stand in a label; the text form escapes them as dnspython does or equivalently."""
    octets = b"".join(bytes([len(p)]) + p for p in parts) + b"\0"
    text, end = read_name(octets, 0)
    assert end == len(octets)
    assert wire(text) == octets
    assert len(labels(text)) == len(parts)
    assert dns.name.from_text(text).to_wire() == octets


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_text_that_is_no_name_is_refused(text: str) -> None:
    """Node names may be anything; what cannot go on the wire raises BadName and nothing else."""
    try:
        octets = wire(text)
    except BadName:
        return
    assert octets.endswith(b"\0")
    assert wire(read_name(octets, 0)[0]) == octets


def test_pointers_that_lead_in_circles_are_refused() -> None:
    """Two pointers at each other do not hang the reader."""
    with pytest.raises(BadName):
        read_name(b"\xc0\x02\xc0\x00", 0)


@given(st.ip_addresses())
def test_reverse_names_and_addresses_are_inverse(ip: Any) -> None:
    """Except for IPv4 addresses in the guise of IPv6, which are IPv4."""
    plain = parse_ip(str(ip))
    assert address_of_reverse(reverse_name(str(ip))) == str(plain)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_answers_of_recursors_are_read_or_refused(octets: bytes) -> None:
    """A recursor may say anything."""
    import struct

    try:
        read_answers(octets)
    except (BadName, struct.error, ValueError):
        return


def test_answers_of_recursors_are_read_with_their_names() -> None:
    """CNAMEs and addresses come out as records, compressed names whole; those inside of other data are left out."""
    reply = dns.message.make_response(dns.message.make_query("www.example.com", "A"))
    reply.answer = [
        dns.rrset.from_text("www.example.com.", 60, "IN", "CNAME", "a.example.com."),
        dns.rrset.from_text("a.example.com.", 60, "IN", "A", "192.0.2.1"),
        dns.rrset.from_text("a.example.com.", 60, "IN", "MX", "5 m.example.com."),
        dns.rrset.from_text("a.example.com.", 60, "IN", "TXT", '"x"'),
    ]
    found = read_answers(reply.to_wire())
    assert [(r.name, r.type, r.target) for r in found] == [
        ("www.example.com.", 5, "a.example.com."),
        ("a.example.com.", 1, ""),
        ("a.example.com.", 16, ""),
    ]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("8.8.8.8", ("8.8.8.8", 53)),
        ("8.8.8.8:5353", ("8.8.8.8", 5353)),
        ("2001:db8::1", ("2001:db8::1", 53)),
        ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
        ("[2001:db8::1]", ("2001:db8::1", 53)),
        ("localhost", ("127.0.0.1", 53)),
        ("8.8.8.8:domain", ("8.8.8.8", 53)),
        (":5353", ("127.0.0.1", 5353)),
    ],
)
def test_recursors_may_leave_their_port_out(text: str, where: tuple[str, int]) -> None:
    """53 is meant then. Names are looked up once."""
    assert recursor_address(text) == where


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("8.8.8.8:x", "lookup tcp/x: unknown port"),
        ("-:53", no_such_host("-")),
        ("8.8.8.8:70000", "address 70000: invalid port"),
        ("a:b:c", "address a:b:c: too many colons in address"),
        ("::1:53]", "address ::1:53]: too many colons in address"),
        ("[::1:53", "address [::1:53: missing ']' in address"),
    ],
)
def test_recursors_that_are_no_address_are_refused(text: str, fault: str) -> None:
    """The configuration is wrong, not the network."""
    with pytest.raises(ValueError) as caught:
        recursor_address(text)
    assert str(caught.value) == f"Invalid recursor address: {fault}"
