"""Real sockets on loopback: UDP, TCP, and recursors behind them."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.message import Message
from dns.rcode import Rcode
from dns.rrset import RRset

from pyconsul.agent.dns.server import DnsServer
from pyconsul.config.runtime import Address
from pyconsul.telemetry.logging import Level, Monitor, add_sink, remove_sink
from tests.dns.conftest import World
from tests.waiting import comes_true

PATIENCE = 5.0  # seconds of the recursor_timeout
Respond = Callable[[Message], Message | None]


async def ask_udp(world: World, packet: bytes) -> bytes:
    """Send one packet by UDP and wait for one back."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, world.door.udp_addresses[0])
        await loop.sock_sendall(sock, packet)
        async with asyncio.timeout(60):
            return await loop.sock_recv(sock, 65535)


@pytest.fixture
async def doors(world: World) -> World:
    """The world with a UDP and a TCP door on loopback."""
    await world.door.start([Address("tcp", "127.0.0.1", 0), Address("udp", "127.0.0.1", 0)])
    return world


async def test_udp_answers_first_and_kept_questions(doors: World) -> None:
    """The first answer takes a look-up, the second comes from the cache."""
    await doors.service("n1", "198.51.100.1", "web")
    query = dns.message.make_query("web.service.consul", "A")
    for _ in range(2):
        reply = dns.message.from_wire(await ask_udp(doors, query.to_wire()))
        assert query.is_response(reply)
        assert reply.answer


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="the system keeps IPv4 and IPv6 apart")
async def test_the_unspecified_address_takes_clients_of_both_kinds(world: World) -> None:
    """Also over TCP; what listens is logged, and who asks by an address of its own kind."""
    monitor = Monitor(Level.DEBUG)
    add_sink(monitor)
    try:
        await world.door.start([Address("tcp", "::", 0)])
        assert monitor.take().endswith("agent: Started DNS server: address=[::]:0 network=tcp\n")
        port = world.door.tcp_addresses[0][1]
        wire = dns.message.make_query("nobody.service.consul", "A").to_wire()
        for host, told in (("127.0.0.1", "client=127.0.0.1:"), ("::1", "client=[::1]:")):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(struct.pack(">H", len(wire)) + wire)
            size = int.from_bytes(await reader.readexactly(2))
            assert dns.message.from_wire(await reader.readexactly(size)).rcode() == dns.rcode.NXDOMAIN
            assert told in monitor.take()
            writer.close()
    finally:
        remove_sink(monitor)


async def test_tcp_answers_several_questions_of_a_connection(doors: World) -> None:
    """Each message has its length in front; answers come in the order of the questions."""
    await doors.service("n1", "198.51.100.1", "web")
    reader, writer = await asyncio.open_connection(*doors.door.tcp_addresses[0])
    queries = [dns.message.make_query("web.service.consul", rtype) for rtype in ("A", "SRV", "TXT")]
    for query in queries:
        wire = query.to_wire()
        writer.write(struct.pack(">H", len(wire)) + wire)
    for query in queries:
        (size,) = struct.unpack(">H", await reader.readexactly(2))
        assert query.is_response(dns.message.from_wire(await reader.readexactly(size)))
    writer.close()
    await writer.wait_closed()


async def test_garbage_on_tcp_ends_nothing(doors: World) -> None:
    """A client that sends rubbish, or leaves in the middle, troubles no other."""
    for rubbish in (b"\0", b"\0\x05abc", b"\0\x0c" + b"\xff" * 12, b"\xff\xff"):
        _, writer = await asyncio.open_connection(*doors.door.tcp_addresses[0])
        writer.write(rubbish)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    assert await ask_udp(doors, dns.message.make_query("consul", "SOA").to_wire())


async def test_garbage_on_udp_is_answered_or_ignored(doors: World) -> None:
    """The next question is answered all the same."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for rubbish in (b"", b"x", b"\0" * 12, b"\xff" * 600):
            sock.sendto(rubbish, doors.door.udp_addresses[0])
    reply = dns.message.from_wire(await ask_udp(doors, dns.message.make_query("no.service.consul", "A").to_wire()))
    assert reply.rcode() == dns.rcode.NXDOMAIN


async def test_a_taken_port_is_an_error(doors: World) -> None:
    """``start`` says so; the agent tells the operator."""
    _, port = doors.door.udp_addresses[0]
    with pytest.raises(OSError, match=r"(?i)address already in use"):
        await doors.door.start([Address("udp", "127.0.0.1", port)])


class _Recursor(asyncio.DatagramProtocol):
    """A name server that answers as a function says."""

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.asked: list[str] = []

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        message = dns.message.from_wire(data)
        self.asked.append(str(message.question[0].name))
        reply = self.respond(message)
        if reply is not None:
            self.transport.sendto(reply.to_wire(), addr)


Recursors = Callable[..., Awaitable[list[_Recursor]]]


@pytest.fixture
async def recursors(world: World) -> AsyncIterator[Recursors]:
    """Starts recursors with the given behaviours and points the door at them, in order."""
    transports: list[Any] = []

    async def start(*behaviours: Respond, **settings: Any) -> list[_Recursor]:
        loop = asyncio.get_running_loop()
        found: list[_Recursor] = []
        for respond in behaviours:
            transport, protocol = await loop.create_datagram_endpoint(
                lambda respond=respond: _Recursor(respond), local_addr=("127.0.0.1", 0)
            )
            transports.append(transport)
            found.append(protocol)
        addresses = tuple(t.get_extra_info("sockname") for t in transports)
        world.configure(recursors=addresses, recursor_timeout=PATIENCE, **settings)
        return found

    yield start
    for transport in transports:
        transport.close()


def reply_to(asked: Message) -> Message:
    """An answer without records of a name server that offers recursion."""
    return dns.message.make_response(asked, recursion_available=True)


def a_record(line: str) -> RRset:
    """A record from a line of a zone file."""
    name, ttl, _, kind, data = line.split(maxsplit=4)
    return dns.rrset.from_text(name, int(ttl), "IN", kind, data)


def says(*zone: str, rcode: Rcode = Rcode.NOERROR) -> Respond:
    """Answers with these records."""

    def respond(asked: Message) -> Message:
        reply = reply_to(asked)
        reply.answer += [a_record(line) for line in zone]
        reply.set_rcode(rcode)
        return reply

    return respond


@pytest.fixture
def silent(skip_time: Callable[[float], None]) -> Respond:
    """Never answers; the time that is given to it goes by at once."""

    def respond(asked: Message) -> None:
        del asked
        skip_time(PATIENCE)

    return respond


async def test_foreign_names_are_forwarded(world: World, recursors: Recursors) -> None:
    """The answer comes back as the recursor gave it."""
    await recursors(says("example.com. 60 IN A 192.0.2.1"))
    found = await world.ask("example.com")
    assert found.answer == ["example.com. 60 A 192.0.2.1"]
    assert found.flags == "QR RD RA"


async def test_recursors_are_tried_in_turn_until_one_answers(
    world: World, recursors: Recursors, silent: Respond
) -> None:
    """Silence, SERVFAIL and REFUSED go on to the next; NXDOMAIN is an answer."""
    asked = await recursors(
        silent,
        says(rcode=Rcode.SERVFAIL),
        says(rcode=Rcode.REFUSED),
        says(rcode=Rcode.NXDOMAIN),
        says("x.y. 1 IN A 192.0.2.1"),
    )
    assert (await world.ask("x.y")).rcode == "NXDOMAIN"
    assert [len(each.asked) for each in asked] == [1, 1, 1, 1, 0]


async def test_without_any_answer_it_is_a_server_failure(world: World, recursors: Recursors, silent: Respond) -> None:
    """The client learns that recursion is there, but failed."""
    await recursors(silent, says(rcode=Rcode.SERVFAIL))
    found = await world.ask("example.com", edns=1232)
    assert (found.rcode, found.flags) == ("SERVFAIL", "QR RD RA")
    assert found.message.payload == 1232


@pytest.mark.parametrize("tcp", [False, True])
async def test_the_log_tells_which_question_failed_and_how(world: World, tcp: bool) -> None:
    """In Go's words: the question with type and class, the ends of the connection, who asked and over what."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as closed:
        closed.bind(("127.0.0.1", 0))
        where = closed.getsockname()
    world.configure(recursors=(where,), recursor_timeout=PATIENCE)
    monitor = Monitor(Level.ERROR)
    add_sink(monitor)
    try:
        await world.ask("example.com", tcp=tcp)
    finally:
        remove_sink(monitor)
    failed, gave_up = monitor.take().splitlines()
    remote = f"127\\.0\\.0\\.1:{where[1]}"
    dial = f"dial tcp {remote}: connect" if tcp else rf"read udp 127\.0\.0\.1:\d+->{remote}: read"
    assert re.search(rf'recurse failed: error="{dial}: connection refused"', failed)
    network = "tcp" if tcp else "udp"
    assert re.search(rf'question="{{example\.com\. 1 1}}" client=\S+:\d+ client_network={network}$', gave_up)


async def test_the_random_strategy_asks_different_ones_first(world: World, recursors: Recursors) -> None:
    """Over many questions, each is asked."""
    answer = says("example.com. 60 IN A 192.0.2.1")
    asked = await recursors(answer, answer, recursor_strategy="random")
    for _ in range(40):
        await world.ask("example.com")
    assert all(each.asked for each in asked)


async def test_reverse_names_that_we_do_not_know_are_forwarded(world: World, recursors: Recursors) -> None:
    """Those that we know are not."""
    asked = await recursors(says("9.9.9.9.in-addr.arpa. 1 IN PTR nine.example."))
    await world.node("n1", "198.51.100.1")
    assert (await world.ask("1.100.51.198.in-addr.arpa", "PTR")).answer[0].endswith("n1.node.dc1.consul.")
    assert (await world.ask("9.9.9.9.in-addr.arpa", "PTR")).answer[0].endswith("nine.example.")
    assert asked[0].asked == ["9.9.9.9.in-addr.arpa."]


async def test_an_instance_at_a_foreign_name_is_resolved(world: World, recursors: Recursors) -> None:
    """CNAME, addresses and TTLs of our own; five records at most without EDNS; never kept."""
    lines = [
        "www.example.com. 60 IN CNAME a.example.com.",
        *(f"a.example.com. 60 IN A 192.0.2.{n}" for n in range(1, 9)),
    ]
    asked = await recursors(says(*lines), udp_answer_limit=8)
    await world.service("n1", "198.51.100.1", "web", 8, address="www.example.com")
    found = await world.ask("web.service.consul")
    assert found.answer[0] == "a.example.com. 0 A 192.0.2.1"
    assert found.answer[-2:] == [
        "web.service.consul. 0 CNAME www.example.com.",
        "www.example.com. 0 CNAME a.example.com.",
    ]
    assert len(found.answer) == 6
    assert (await world.ask("web.service.consul", "SRV")).answer == ["web.service.consul. 0 SRV 1 1 8 www.example.com."]
    assert len(asked[0].asked) == 2


async def test_addresses_win_over_names(world: World) -> None:
    """A CNAME is only shown where no instance has an address."""
    await world.service("n1", "198.51.100.1", "web", id="a")
    await world.service("n2", "198.51.100.2", "web", id="b", address="www.example.com")
    assert (await world.ask("web.service.consul")).answer == ["web.service.consul. 0 A 198.51.100.1"]


async def test_an_external_node_is_a_cname(world: World, recursors: Recursors) -> None:
    """A node may be known by its name only."""
    await recursors(says("www.example.com. 60 IN A 192.0.2.1"))
    await world.node("ext", "www.example.com")
    assert (await world.ask("ext.node.consul")).answer == [
        "ext.node.consul. 0 CNAME www.example.com.",
        "www.example.com. 60 A 192.0.2.1",
    ]


async def test_whatever_a_recursor_says_of_an_external_node_is_shown(world: World, recursors: Recursors) -> None:
    """Also records that hold neither address nor name."""
    await recursors(says("www.example.com. 60 IN CNAME www.example.net.", 'www.example.net. 60 IN TXT "far away"'))
    await world.node("ext", "www.example.com")
    assert (await world.ask("ext.node.consul")).answer == [
        "ext.node.consul. 0 CNAME www.example.com.",
        "www.example.com. 60 CNAME www.example.net.",
        'www.example.net. 60 TXT "far away"',
    ]


async def test_an_external_node_is_only_a_cname_where_no_recursor_knows_its_name(
    world: World, recursors: Recursors, silent: Respond
) -> None:
    """Each recursor is asked, and its failure is logged; a name that cannot be asked for is not."""
    await recursors(silent)
    await world.node("ext", "www.example.com")
    await world.node("odd", "www..example.com")
    monitor = Monitor(Level.ERROR)
    add_sink(monitor)
    try:
        assert (await world.ask("ext.node.consul")).answer == ["ext.node.consul. 0 CNAME www.example.com."]
    finally:
        remove_sink(monitor)
    failed, gave_up = monitor.take().splitlines()
    assert re.search(
        r'cname recurse failed for name: name=www\.example\.com\. error="read udp .*: i/o timeout"$', failed
    )
    assert gave_up.endswith("all resolvers failed for name: name=www.example.com.")
    assert (await world.ask("odd.node.consul")).rcode == "SERVFAIL"


async def test_an_external_node_without_recursors_is_only_a_cname(world: World) -> None:
    """Nobody can be asked."""
    await world.node("ext", "www.example.com")
    assert (await world.ask("ext.node.consul")).answer == ["ext.node.consul. 0 CNAME www.example.com."]


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        (b"", "EOF"),
        (b"\0\x20short", "unexpected EOF"),
        (b"\0\x0cno answer 12", "answer to another question"),
    ],
)
async def test_a_question_over_tcp_is_forwarded_over_tcp(world: World, said: bytes, failure: str) -> None:
    """A recursor that hangs up or talks of something else has failed, and the next one is asked."""

    async def fails(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(2)
        writer.write(said)
        writer.close()

    async def answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = dns.message.from_wire(await reader.readexactly(int.from_bytes(await reader.readexactly(2))))
        reply = dns.message.make_response(asked, recursion_available=True)
        reply.answer.append(dns.rrset.from_text("example.com.", 60, "IN", "A", "192.0.2.1"))
        wire = reply.to_wire()
        writer.write(len(wire).to_bytes(2) + wire)
        writer.close()

    monitor = Monitor(Level.ERROR)
    add_sink(monitor)
    servers = [await asyncio.start_server(talks, "127.0.0.1", 0) for talks in (fails, answers)]
    world.configure(recursors=tuple(it.sockets[0].getsockname() for it in servers), recursor_timeout=PATIENCE)
    try:
        found = await world.ask("example.com", tcp=True)
    finally:
        remove_sink(monitor)
        for server in servers:
            server.close()
    assert (found.answer, found.flags) == (["example.com. 60 A 192.0.2.1"], "QR RD RA")
    assert failure in monitor.take()


async def test_what_is_forwarded_is_the_question_and_its_edns_record(world: World, recursors: Recursors) -> None:
    """Bytes behind the message, and records that no query has, stay here; the DO bit and cookies go along."""
    heard: list[Message] = []

    def respond(asked: Message) -> Message:
        heard.append(asked)
        return reply_to(asked)

    await recursors(respond)
    query = dns.message.make_query("example.com", "A", use_edns=0, want_dnssec=True, payload=1400)
    assert await world.packet(query.to_wire() + b"rubbish")
    assert (heard[0].edns, heard[0].ednsflags, heard[0].payload) == (0, dns.flags.DO, 1400)
    assert heard[0].to_wire() == query.to_wire()


async def test_the_log_tells_of_each_question(world: World, recursors: Recursors) -> None:
    """In parts what is asked of our own names, in Go's print form what is asked of others; nothing of what is refused.

    A name that could not be ours is a warning each time: that is how search lists that are too long come to light.
    """
    monitor = Monitor(Level.DEBUG)
    add_sink(monitor)
    try:
        for _ in range(2):
            await world.ask("www.example.consul")
        await world.ask("nobody.service.consul")
        await world.ask("refused.example")
        await recursors(says("example.com. 60 IN A 192.0.2.1"))
        await world.ask("example.com")
    finally:
        remove_sink(monitor)
    lines = [line.partition(" ")[2] for line in monitor.take().splitlines()]
    told = [re.sub(r"(latency|client|rtt|recursor)=\S+ ?", "", line) for line in lines]
    served = "[DEBUG] agent.dns: request served from client: "
    assert told == [
        "[WARN]  agent.dns: QName invalid: qname=www.example.",
        served + "name=www.example.consul. type=A class=IN client_network=udp",
        "[WARN]  agent.dns: QName invalid: qname=www.example.",
        served + "name=www.example.consul. type=A class=IN client_network=udp",
        served + "name=nobody.service.consul. type=A class=IN client_network=udp",
        '[DEBUG] agent.dns: recurse succeeded for question: question="{example.com. 1 1}" ',
        served + 'question="{example.com. 1 1}" network=udp client_network=udp',
    ]


async def test_the_log_tells_of_answers_that_are_cut(world: World) -> None:
    """Each of them, also one that was kept: how many records and octets went out of how many."""
    for number in range(20):
        await world.service("n1", "198.51.100.1", "web", id=f"w{number}", address=f"198.51.100.{number}")
    monitor = Monitor(Level.DEBUG)
    add_sink(monitor)
    try:
        for _ in range(2):
            await world.ask("web.service.consul", "A")
            told = 'protocol=udp question=["{web.service.consul. 1 1}"] records=3/20 size=84/356'
            assert f"[DEBUG] agent.dns: DNS response too large, truncated: {told}\n" in monitor.take()
    finally:
        remove_sink(monitor)
    assert world.calls == ["Health.ServiceNodes"]


async def test_the_log_tells_of_names_that_lead_to_one_another(world: World) -> None:
    """Each service's address is the other's name."""
    await world.service("n1", "198.51.100.1", "here", address="there.service.consul")
    await world.service("n1", "198.51.100.1", "there", address="here.service.consul")
    monitor = Monitor(Level.ERROR)
    add_sink(monitor)
    try:
        await world.ask("here.service.consul", "A")
        told = "Infinite recursion detected for name, won't perform any CNAME resolution.: name=here.service.consul.\n"
        assert monitor.take().endswith(f"agent.dns: {told}")
    finally:
        remove_sink(monitor)


async def test_the_log_tells_of_servers_that_no_host_name_fits(world: World) -> None:
    """They are left out where the zone names its servers."""
    await world.service("bad_name", "198.51.100.1", "consul", 8300)
    monitor = Monitor(Level.WARN)
    add_sink(monitor)
    try:
        assert (await world.ask("consul", "NS")).answer == ["consul. 0 NS srv1.node.dc1.consul."]
        assert monitor.take().endswith("[WARN]  agent.dns: Skipping invalid node for NS records: node=bad_name\n")
    finally:
        remove_sink(monitor)


async def test_the_log_tells_whether_there_are_recursors(world: World, recursors: Recursors) -> None:
    """Once for each door, at the start and when a reload changes it."""
    await recursors(reply_to)
    monitor = Monitor(Level.DEBUG)
    add_sink(monitor)
    try:
        await world.door.start([Address("tcp", "127.0.0.1", 0), Address("udp", "127.0.0.1", 0)])
        assert monitor.take().count("[DEBUG] agent.dns: recursor enabled\n") == 2
        for _ in range(2):
            world.configure(recursors=())
        assert monitor.take().count("[DEBUG] agent.dns: recursor disabled\n") == 2
    finally:
        remove_sink(monitor)


async def test_the_log_tells_how_long_a_recursor_took_for_a_name(world: World, recursors: Recursors) -> None:
    """It stands behind an instance whose address is a name elsewhere."""
    await recursors(reply_to)
    await world.service("n1", "198.51.100.1", "ext", address="www.example.com")
    monitor = Monitor(Level.DEBUG)
    add_sink(monitor)
    try:
        await world.ask("ext.service.consul", "A")
        assert "[DEBUG] agent.dns: cname recurse RTT for name: name=www.example.com. rtt=" in monitor.take()
    finally:
        remove_sink(monitor)


async def test_connections_that_are_open_are_no_pending_questions(world: Any) -> None:
    """Who keeps a connection open takes no place of who asks by UDP."""
    world.door = DnsServer(world.door.core.settings, world.rpc, most_pending=1)
    await world.door.start([Address("tcp", "127.0.0.1", 0), Address("udp", "127.0.0.1", 0)])
    query = dns.message.make_query("srv1.node.consul", "A")
    reader, writer = await asyncio.open_connection(*world.door.tcp_addresses[0])
    packet = query.to_wire()
    writer.write(len(packet).to_bytes(2, "big") + packet)
    assert await reader.readexactly(2)
    async with asyncio.timeout(5):
        assert query.is_response(dns.message.from_wire(await ask_udp(world, packet)))
    writer.close()


async def test_who_reads_no_answers_is_hung_up_on(world: Any) -> None:
    """A connection whose answers stay unread is cut, however many questions it still has to ask."""
    for number in range(500):
        await world.service(f"{'n' * 50}{number}", f"198.51.{number >> 8}.{number & 255}", "web")
    world.door = DnsServer(world.door.core.settings, world.rpc, idle=0.2)
    await world.door.start([Address("tcp", "127.0.0.1", 0)])
    packet = dns.message.make_query("web.service.consul", "SRV").to_wire()
    with socket.socket() as mute:
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.to_thread(mute.connect, world.door.tcp_addresses[0])
        mute.sendall((len(packet).to_bytes(2, "big") + packet) * 128)
        await comes_true(lambda: world.door.connections == 1)
        await comes_true(lambda: world.door.connections == 0)
