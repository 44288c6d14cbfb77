"""Metrics reach statsd, DogStatsD and statsite in the forms that those know."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import uvloop

from pyconsul.agent.metric_push import PACKET_BYTES, MetricPush, Target, packets, targets_of
from pyconsul.config import load
from pyconsul.telemetry.logging import Level, Monitor, add_sink, remove_sink
from pyconsul.telemetry.metrics import Metrics
from pyconsul.telemetry.push import DogStatsdLines, Lines, StatsdLines


def fed(lines: Lines) -> list[str]:
    """The lines of one count, one gauge with the host's name, and two samples with a label."""
    sink = Metrics()
    sink.configure(host="web-1")
    sink.push.append(lines)
    sink.incr("a.b", 2)
    sink.gauge("g", 1.5)
    timing = sink.timing("t", (("op", "a:b c"),))
    timing.add(3.0)
    timing.add(0.25)
    sink.flush()
    return [line.decode() for line in lines.take()]


@pytest.fixture
def udp() -> Iterator[socket.socket]:
    """A UDP server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        yield server


def test_statsd_lines_have_labels_in_the_name() -> None:
    """Six digits, colons and spaces made underscores."""
    assert fed(StatsdLines()) == [
        "consul.a.b:2.000000|c\n",
        "consul.web-1.g:1.500000|g\n",
        "consul.t.a_b_c:3.000000|ms\n",
        "consul.t.a_b_c:0.250000|ms\n",
    ]


def test_dogstatsd_lines_have_tags() -> None:
    """Those of the configuration first; the host is taken out of names."""
    assert fed(DogStatsdLines(["env:dev"], "web-1")) == [
        "consul.a.b:2|c|#env:dev\n",
        "consul.g:1.5|g|#env:dev\n",
        "consul.t:3.000000|ms|#env:dev,op:a_b_c\n",
        "consul.t:0.250000|ms|#env:dev,op:a_b_c\n",
    ]


def test_dogstatsd_lines_need_no_tags() -> None:
    """Without any there is no section for them."""
    lines = DogStatsdLines()
    lines.gauge("g", (), 2.0)
    assert lines.take() == [b"g:2|g\n"]


def test_packets_hold_whole_lines() -> None:
    """As many as fit."""
    made = list(packets([b"x" * 600 + b"\n"] * 5))
    assert [len(packet) for packet in made] == [1202, 1202, 601]
    assert all(len(packet) <= PACKET_BYTES for packet in made)


async def test_udp_targets_get_packets(udp: socket.socket) -> None:
    """What waits arrives in one datagram."""
    target = Target("statsd", f"127.0.0.1:{udp.getsockname()[1]}", StatsdLines())
    target.lines.count("a", (), 1)
    target.lines.count("b", (), 1)
    await target.push()
    assert await asyncio.get_running_loop().sock_recv(udp, 4096) == b"a:1.000000|c\nb:1.000000|c\n"
    target.close()


async def test_statsite_gets_a_stream() -> None:
    """Over TCP, batch after batch."""
    came: asyncio.Queue[bytes] = asyncio.Queue()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            came.put_nowait(line)
        writer.close()
        await writer.wait_closed()
        came.put_nowait(b"")

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    target = Target("statsite", f"127.0.0.1:{server.sockets[0].getsockname()[1]}", StatsdLines())
    for name in ("a", "b"):
        target.lines.gauge(name, (), 1)
        await target.push()
    assert [await came.get(), await came.get()] == [b"a:1.000000|g\n", b"b:1.000000|g\n"]
    target.close()
    assert await came.get() == b""
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no port", "127.0.0.1:"])
async def test_a_server_that_is_not_there_ends_nothing(address: str) -> None:
    """It is tried again later, and what waits goes on waiting."""
    target = Target("statsite", address, StatsdLines())
    target.lines.gauge("a", (), 1)
    await target.push()
    await target.push()
    assert target.lines.take() == [b"a:1.000000|g\n"]


async def test_a_refused_connection_is_logged_in_gos_words() -> None:
    """Address and reason, nothing of Python's."""
    monitor = Monitor(Level.ERROR)
    add_sink(monitor)
    try:
        target = Target("statsite", "127.0.0.1:1", StatsdLines())
        target.lines.gauge("a", (), 1)
        await target.push()
    finally:
        remove_sink(monitor)
    assert 'error="dial tcp 127.0.0.1:1: connect: connection refused"' in monitor.take()


def test_the_telemetry_section_names_the_targets() -> None:
    """Each address one."""
    hcl = (
        'telemetry { statsd_address = "h:1" dogstatsd_addr = "h:2" statsite_address = "h:3" circonus_api_token = "x" }'
    )
    found = targets_of(load({"dev": True, "hcl": [hcl]}, {}).runtime.telemetry, "me")
    assert [(target.kind, target.address) for target in found] == [
        ("statsd", "h:1"),
        ("dogstatsd", "h:2"),
        ("statsite", "h:3"),
    ]


class Stuck(Target):
    """A server that cannot be reached, and to which no attempt ends."""

    async def push(self) -> None:
        """Never return."""
        await asyncio.Event().wait()


async def test_a_target_that_cannot_be_reached_holds_up_no_other(udp: socket.socket) -> None:
    """Each goes its own way."""
    target = Target("statsd", f"127.0.0.1:{udp.getsockname()[1]}", StatsdLines())
    target.lines.count("a", (), 1)
    push = MetricPush(every=0.01)
    push.start([Stuck("statsite", "192.0.2.1:1", StatsdLines()), target])
    async with asyncio.timeout(5):
        assert (await asyncio.get_running_loop().sock_recv(udp, 4096)).startswith(b"a:1.000000|c\n")
    push.stop()


async def test_a_server_that_reads_nothing_costs_the_oldest_lines() -> None:
    """What it does not take is not gathered on the way to it."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        target = Target("statsite", f"127.0.0.1:{mute.getsockname()[1]}", StatsdLines())
        for _ in range(20):
            for number in range(1000):
                target.lines.gauge("x" * 1000, (), number)
            await target.push()
        assert len(target.lines.take()) > 1000
        target.close()


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_unix_sockets_get_packets(new_loop: Callable[[], asyncio.AbstractEventLoop], tmp_path: Path) -> None:
    """On either loop; what their reader has no room for is lost, and nothing waits for it."""
    target = Target("dogstatsd", f"unix://{tmp_path}/dsd.sock", DogStatsdLines())
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server, asyncio.Runner(loop_factory=new_loop) as runner:
        server.bind(str(tmp_path / "dsd.sock"))
        for number in range(3000):
            target.lines.gauge("x" * 1000, (), number)
        runner.run(target.push())
        assert server.recv(4096) == b"x" * 1000 + b":0|g\n" and target.lines.take() == []
        target.close()
