"""mDNS with real multicast on the loopback interface."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from pyconsul.toolkit.discovery import DiscoverError
from pyconsul_autojoin.providers import mdns
from pyconsul_autojoin.providers.mdns import TYPE_A, TYPE_AAAA, TYPE_PTR, TYPE_SRV, Mdns, Records, take
from tests.autojoin.conftest import Asks
from tests.waiting import comes_true

GROUP = "224.0.0.251"
PORT = 5353
LOOPBACK = "127.0.0.1"


def a_socket() -> socket.socket:
    """A socket that hears mDNS on the loopback interface. Raises OSError where that cannot be."""
    heard = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    heard.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    heard.bind(("", PORT))
    heard.setsockopt(
        socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack("4s4s", *map(socket.inet_aton, (GROUP, LOOPBACK)))
    )
    heard.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(LOOPBACK))
    heard.setblocking(False)
    return heard


@pytest.fixture(scope="module", autouse=True)
def multicast() -> None:
    """These tests need multicast on the loopback interface."""
    try:
        with a_socket() as heard:
            heard.sendto(b"", (GROUP, PORT))
    except OSError as error:
        if os.environ.get("REQUIRE_PEERS"):
            raise
        pytest.skip(f"no multicast on the loopback interface: {error}")


Answers = dict[tuple[str, str], list[dns.rrset.RRset]]
"""Records by the name and type that are asked for."""


class Responder(asyncio.DatagramProtocol):
    """Answers each question from a table, by multicast, one packet a question."""

    def __init__(self, answers: Answers) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []
        self.transport: Any = None
        self.closed = asyncio.Event()

    def connection_made(self, transport: Any) -> None:
        """Keep what to answer with."""
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed now."""
        self.closed.set()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Answer a query; ignore answers, also one's own."""
        packet = dns.message.from_wire(data)
        if packet.flags & dns.flags.QR:
            return
        for question in packet.question:
            asked = (str(question.name).lower(), dns.rdatatype.to_text(question.rdtype))
            self.asked.append(asked)
            if found := self.answers.get(asked):
                answer = dns.message.Message(id=0)
                answer.flags = dns.flags.QR | dns.flags.AA
                answer.answer = found
                self.transport.sendto(answer.to_wire(), (GROUP, PORT))


Respond = Callable[[Answers], Awaitable[Responder]]


@pytest.fixture
async def responder() -> AsyncIterator[Respond]:
    """Start a responder with a table of answers."""
    started: list[Responder] = []

    async def start(answers: Answers) -> Responder:
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_datagram_endpoint(lambda: Responder(answers), sock=a_socket())
        started.append(protocol)
        return protocol

    yield start
    for each in started:
        each.transport.close()
        await each.closed.wait()


def record(name: str, kind: str, data: str) -> dns.rrset.RRset:
    """One record."""
    return dns.rrset.from_text(name, 120, "IN", kind, data)


Hear = Callable[[str, int], Awaitable[list[str]]]


@pytest.fixture
def hear(ask: Asks, skip_time: Callable[[float], None], monkeypatch: pytest.MonkeyPatch) -> Hear:
    """What a look-up on the loopback interface finds; its time is over once it has heard so many addresses."""
    heard: list[Records] = []

    def records() -> Records:
        heard.append(Records())
        return heard[-1]

    monkeypatch.setattr(mdns, "Records", records)

    async def until(text: str, count: int) -> list[str]:
        looking = asyncio.create_task(Mdns((LOOPBACK,)).addresses(ask(f"provider=mdns timeout=60s {text}")))
        await comes_true(lambda: heard and len(heard[-1].addresses(True, True)) >= count)
        skip_time(60)
        return await looking

    return until


async def test_a_service_of_zeroconf_is_found(hear: Hear) -> None:
    """A responder of another make announces an instance; its address and port come back."""
    there = AsyncZeroconf(interfaces=[LOOPBACK])
    service = f"_py-{os.getpid()}._tcp"  # names are looked at by all on this host, also by another run of this test
    kind = f"{service}.local."
    info = ServiceInfo(
        kind, f"one.{kind}", 8301, addresses=[socket.inet_aton("10.7.0.1")], server=f"one-{os.getpid()}.local."
    )
    try:
        await (await there.async_register_service(info))  # pyright: ignore[reportUnknownMemberType]
        # What was multicast less than a second ago is not repeated (RFC 6762, section 6): the second question counts.
        assert await hear(f"service={service}", 1) == ["10.7.0.1:8301"]
    finally:
        await there.async_close()


@pytest.mark.parametrize(
    ("more", "expected"),
    [("", ["[fd00::1]:8301", "10.7.0.2:8302"]), ("v6=false", ["10.7.0.1:8301", "10.7.0.2:8302"])],
)
async def test_any_name_and_domain_may_be_asked_for(
    hear: Hear, responder: Respond, more: str, expected: list[str]
) -> None:
    """A name without underscores works as well; IPv6 is preferred; instances without an address are left out."""
    name = "consul.example."
    hosts = {"one": 8301, "two": 8302, "three": 8303}
    everything = [record(name, "PTR", f"{host}.{name}") for host in hosts]
    everything += [record(f"{host}.{name}", "SRV", f"0 0 {port} {host}-b.example.") for host, port in hosts.items()]
    everything += [record("one-b.example.", "A", "10.7.0.1")]
    everything += [record("one-b.example.", "AAAA", "fd00::1")]
    everything += [record("two-b.example.", "A", "10.7.0.2")]
    await responder({(name, "PTR"): everything})
    assert await hear(f"service=consul domain=example {more}", 2) == expected


async def test_what_an_answer_leaves_open_is_asked(hear: Hear, responder: Respond) -> None:
    """A responder that gives one record at a time is asked for place and address in turn."""
    name, place, host = "_c._udp.local.", "i._c._udp.local.", "host-c.local."
    there = await responder(
        {
            (name, "PTR"): [record(name, "PTR", place)],
            (place, "SRV"): [record(place, "SRV", f"0 0 9 {host}")],
            (host, "A"): [record(host, "A", "10.7.0.3")],
        }
    )
    assert await hear("service=_c._udp.", 1) == ["10.7.0.3:9"]
    assert (place, "SRV") in there.asked


async def test_nobody_answers(ask: Asks) -> None:
    """Silence is no error; it costs the time-out."""
    assert await Mdns((LOOPBACK,)).addresses(ask("provider=mdns service=_nobody._tcp timeout=50ms")) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("domain=local", "Service record not provided"),
        ("service=a timeout=soon", 'Failed to parse timeout: time: invalid duration "soon"'),
        ("service=a v4=maybe", 'Failed to parse v4: strconv.ParseBool: parsing "maybe": invalid syntax'),
        ("service=a v6=maybe", "Failed to parse v6"),
    ],
)
async def test_bad_settings_are_named(ask: Asks, text: str, fault: str) -> None:
    """Each fault has its parameter and Go's words."""
    with pytest.raises(DiscoverError, match=fault):
        await Mdns((LOOPBACK,)).addresses(ask(f"provider=mdns {text}"))


names = st.sampled_from(["s.local.", "S.local.", "a.s.local.", "h.local.", ""])
noise = st.builds(
    SimpleNamespace,
    name=names,
    type=st.sampled_from([TYPE_PTR, TYPE_SRV, TYPE_A, TYPE_AAAA, 16]),
    alias=names,
    server=names,
    port=st.integers(0, 65535),
    address=st.binary(min_size=4, max_size=4),
)


@given(st.lists(noise))
def test_records_in_any_order_never_give_half_an_answer(heard: list[Any]) -> None:
    """Whatever is heard, each address has a port, and only instances of the service count."""
    records = Records()
    for each in heard:
        take(records, "s.local.", each)
    found = records.addresses(True, True)
    assert len(found) <= len(records.instances)
    assert all(each.rpartition(":")[2].isdecimal() for each in found)
