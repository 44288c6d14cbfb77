"""Connections of the HTTP door: order, limits, clients that are slow, that leave, that send what is no request."""

import asyncio
import gzip
import io
import os
import socket
import tarfile
import tempfile
import zlib
from typing import Any, BinaryIO

import pytest

from pyconsul.agent.agent import Agent
from pyconsul.agent.http.front import bodies, http1_connection
from pyconsul.agent.http.front.http1_connection import Connection
from pyconsul.agent.http.front.http_front import Patience
from pyconsul.agent.http.request import Request
from pyconsul.server.state.kv import KVS
from pyconsul.telemetry import logger
from tests.http.conftest import Wire, connected, running
from tests.insides import is_answering, only_connection, reader_of, transport_of, waits_for_its_client
from tests.waiting import comes_true

HUGE = b"x" * 300_000


def lines(method: str, path: str, *headers: str) -> bytes:
    """A head as bytes."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


async def test_pipelined_requests_are_answered_in_order(wire: Wire) -> None:
    """Writes and reads of one connection see each other."""
    put, get = lines("PUT", "/v1/kv/a", "Content-Length: 1"), lines("GET", "/v1/kv/a?raw")
    wire.send(put + b"1" + get + put + b"2" + get)
    assert [(await wire.answer()).body for _ in range(4)] == [b"true", b"1", b"true", b"2"]


async def test_what_is_sent_while_a_query_waits_stays_in_the_socket(agent: Agent, wire: Wire) -> None:
    """A client cannot fill the agent's memory behind a blocking query; all is answered once that ends."""
    await wire.get("/v1/kv/other", method="PUT", body=b"0")
    wire.send(lines("GET", "/v1/kv/a?index=1&wait=1ns") * 2)
    wire.send(lines("GET", "/v1/event/list?index=1&wait=60s") + lines("GET", "/v1/status/leader") * 20_000)
    connection = only_connection(agent, Connection)
    await comes_true(lambda: reader_of(connection).buffered > http1_connection.AHEAD)
    assert reader_of(connection).buffered < http1_connection.AHEAD + (512 << 10)
    async with connected(agent) as other:
        assert (await other.get("/v1/event/fire/end", method="PUT")).status == 200
    answers = [await wire.answer() for _ in range(20_003)]
    assert {a.status for a in answers[3:]} == {200}


@pytest.mark.parametrize(
    "flood",
    [
        lines("GET", "/v1/status/leader") * 3000,
        lines("PUT", "/v1/kv/a", "Transfer-Encoding: chunked") + b"1\r\nx\r\n" * 30_000 + b"0\r\n\r\n",
        lines("GET", "/v1/status/leader", *["a: b"] * 30_000),
    ],
    ids=["requests", "chunks", "header lines"],
)
async def test_a_flood_by_one_client_holds_up_no_other(flood: bytes, agent: Agent, wire: Wire) -> None:
    """What it sends is read in turns, between which others are answered."""
    await wire.get("/v1/status/leader")
    connection = only_connection(agent, Connection)
    wire.send(flood)
    await comes_true(lambda: reader_of(connection).has_more or reader_of(connection).buffered > 0)
    async with connected(agent) as other:
        assert (await other.get("/v1/status/leader")).status == 200
    assert not reader_of(connection).between_requests
    assert (await wire.answer()).status == 200


async def test_a_client_that_reads_nothing_stops_being_served(agent: Agent, wire: Wire) -> None:
    """Replies that wait to be read are bounded, kept ones too; a client that stays so is cut off."""
    sock = wire.writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    assert (await wire.get("/v1/kv/big", method="PUT", body=HUGE)).body == b"true"
    wire.pause()
    connection = only_connection(agent, Connection)
    for _ in range(60):
        wire.send(lines("GET", "/v1/kv/big?raw"))
        await asyncio.sleep(0)
    await comes_true(lambda: waits_for_its_client(connection))
    transport = transport_of(connection)
    assert transport.get_write_buffer_size() < 40 * len(HUGE)
    before = transport.get_write_buffer_size()
    now = asyncio.get_running_loop().time()
    connection.look_at_clock(now)
    assert transport.get_write_buffer_size() == before
    connection.look_at_clock(now + Patience().stalled + 1)
    await comes_true(lambda: not agent.listeners.front.connections)


async def test_connections_over_the_limit_get_429() -> None:
    """As Consul writes it; a connection that ends makes room."""
    async with running("limits { http_max_conns_per_client = 1 }") as agent:
        async with connected(agent) as first, connected(agent) as second:
            assert (await first.get("/v1/status/leader")).status == 200
            refused = await second.answer()
            assert refused.status == 429
            assert refused.body.startswith(b"Your IP is issuing too many concurrent connections")
        async with connected(agent) as third:
            assert (await third.get("/v1/status/leader")).status in (200, 429)


async def test_a_flood_of_connections_leaves_nothing_behind(agent: Agent) -> None:
    """Hundreds that come and go, most refused: afterwards none is counted."""

    async def visit() -> int:
        async with connected(agent) as wire:
            return int((await wire.get("/v1/status/leader")).status)

    found = await asyncio.gather(*(visit() for _ in range(400)), return_exceptions=True)
    assert 200 in found
    await comes_true(lambda: not agent.listeners.front.visitors.held and not agent.listeners.front.connections)


async def test_a_body_is_invited_only_where_it_will_be_read(wire: Wire, agent: Agent) -> None:
    """``Expect: 100-continue`` on one that is too long gets the 413 instead, and the connection ends."""
    wire.send(lines("PUT", "/v1/kv/a", "Expect: 100-continue", "Content-Length: 1"))
    assert (await wire.answer()).status == 100
    wire.send(b"x")
    assert (await wire.answer()).body == b"true"
    wire.send(lines("PUT", "/v1/kv/a", "Expect: 100-continue", "Content-Length: 9999999999"))
    refused = await wire.answer()
    assert (refused.status, refused.headers["connection"]) == (413, "close")
    assert refused.body.startswith(b"Request body(9999999999 bytes) too large, max size: 524288 bytes.")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("PUT", "/v1/none", 404), ("POST", "/v1/kv/a", 405), ("GET", "/v1/status/leader", 200)],
)
async def test_a_body_that_no_route_reads_is_not_invited(method: str, path: str, status: int, wire: Wire) -> None:
    """The answer comes instead, and the connection ends."""
    wire.send(lines(method, path, "Expect: 100-continue", "Content-Length: 1"))
    answer = await wire.answer()
    assert (answer.status, answer.headers["connection"]) == (status, "close")
    assert await wire.rest() == b""


@pytest.mark.parametrize(
    ("data", "start"),
    [
        (lines("GET", "/v1/kv/a", "Expect: fame"), b"HTTP/1.1 417 Expectation Failed\r\nConnection: close\r\nDate: "),
        (lines("GET", "*"), b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nDate: "),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nDate: "),
    ],
)
async def test_refusals_without_a_text(data: bytes, start: bytes, wire: Wire) -> None:
    """As recorded from Consul."""
    wire.send(data)
    found = await wire.rest()
    assert found.startswith(start) and found.endswith(b"\r\nContent-Length: 0\r\n\r\n")


async def test_a_head_that_ends_too_early_is_refused(wire: Wire) -> None:
    """Where the client only closed its side it can read that."""
    wire.send(b"GET /v1/kv")
    wire.writer.write_eof()
    assert (await wire.rest()).startswith(b"HTTP/1.1 400 Bad Request\r\n")


@pytest.mark.parametrize(
    ("path", "location"),
    [("/v1//kv", "/v1/kv/"), ("//v1/kv/a", "/v1/kv/a"), ("/v1/./txn", "/v1/txn"), ("/%2fv1/kv/a", "")],
)
async def test_paths_are_cleaned_as_by_go(path: str, location: str, wire: Wire) -> None:
    """To the route that there is; an escaped slash is nothing to clean."""
    answer = await wire.get(path)
    assert (answer.status, answer.headers.get("location", "")) == (307 if location else 404, location)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/kv"),
        ("GET", "/v1/acl/policy/name"),
        ("PUT", "/v1/agent/service/maintenance"),
        ("DELETE", "/v1/acl/role/name?dc=x"),
    ],
)
async def test_a_folder_of_routes_is_sent_to_its_slash(method: str, path: str, wire: Wire) -> None:
    """By every method, and also where a route above would take its name for an ID, as Go's mux has it."""
    answer = await wire.get(path, method=method)
    folder, _, query = path.partition("?")
    assert (answer.status, answer.headers["location"]) == (307, f"{folder}/{'?' + query if query else ''}")


@pytest.mark.parametrize(
    "path", ["/v1/txn", "/v1/agent/service/register", "/v1/session/create", "/v1/catalog/register"]
)
async def test_no_route_takes_a_body_without_end(path: str, wire: Wire) -> None:
    """A declared length above the limit is refused at once."""
    wire.send(lines("PUT", path, "Content-Length: 99999999999"))
    refused = await wire.answer()
    assert refused.status == 413 and b"too large" in refused.body
    assert await wire.rest() == b""


async def test_chunks_without_end_are_refused_at_the_limit(wire: Wire) -> None:
    """What came until then counts."""
    wire.send(lines("PUT", "/v1/kv/a", "Transfer-Encoding: chunked"))
    for _ in range(3):
        wire.send(b"%x\r\n%b\r\n" % (len(HUGE), HUGE))
    assert (await wire.answer()).status == 413


@pytest.mark.parametrize(
    ("chunks", "text"), [(b"zz\r\n", b"invalid byte in chunk length"), (b"1\r\nabc", b"malformed chunked encoding")]
)
async def test_broken_chunks_answer_as_in_consul(chunks: bytes, text: bytes, wire: Wire) -> None:
    """500 with the reader's text, and the connection ends."""
    wire.send(lines("PUT", "/v1/kv/a", "Transfer-Encoding: chunked") + chunks)
    answer = await wire.answer()
    assert (answer.status, answer.body, answer.headers["connection"]) == (500, text, "close")


async def test_all_larger_bodies_together_are_bounded(agent: Agent) -> None:
    """When they hold too much memory a further one gets 503, a small one goes on; what ends is given back."""
    front = agent.listeners.front
    front.bodies.held = bodies.ALL_BODIES - 100_000
    async with connected(agent) as wire:
        assert (await wire.get("/v1/kv/a", method="PUT", body=b"x" * 60_000)).body == b"true"
        assert (await wire.get("/v1/kv/a", method="PUT", body=b"x" * 90_000)).body == b"true"
        assert front.bodies.held == bodies.ALL_BODIES - 100_000
        wire.send(lines("PUT", "/v1/kv/a", f"Content-Length: {len(HUGE)}") + HUGE)
        assert (await wire.answer()).status == 503
    assert front.bodies.held == bodies.ALL_BODIES - 100_000


async def test_a_get_may_bring_a_body_that_nobody_reads(wire: Wire) -> None:
    """A small one does not disturb the connection, a large one ends it."""
    assert (await wire.get("/v1/status/peers", body=b"{}")).status == 200
    assert (await wire.get("/v1/status/peers", body=b"x" * 1000)).status == 200
    answer = await wire.get("/v1/status/peers", body=HUGE)
    assert (answer.status, answer.headers["connection"]) == (200, "close")


async def test_a_large_snapshot_goes_through_a_file(agent: Agent, wire: Wire) -> None:
    """It comes back whole, and its bytes are not counted as memory."""
    for number in range(8):
        await wire.get(f"/v1/kv/k{number}", method="PUT", body=os.urandom(400_000))
    saved = (await wire.get("/v1/snapshot")).body
    assert len(saved) > 2 * bodies.SPOOL_FROM
    await wire.get("/v1/kv/k0?recurse", method="DELETE")
    assert (await wire.get("/v1/snapshot", method="PUT", body=saved)).status == 200
    assert len((await wire.get("/v1/kv/k0?raw")).body) == 400_000
    assert agent.listeners.front.bodies.held == 0


async def test_a_large_snapshot_that_finds_no_room_is_answered(
    agent: Agent, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever sends it hears why, and the file is gone."""

    def full(**_: Any) -> BinaryIO:
        return open("/dev/full", "w+b")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    size = 2 * bodies.SPOOL_FROM
    wire.send(lines("PUT", "/v1/snapshot", f"Content-Length: {size}") + bytes(size))
    answer = await wire.answer()
    assert (answer.status, answer.body) == (500, b"failed to read snapshot file: no space left on device")
    assert agent.listeners.front.bodies.held == 0


async def test_an_unread_stream_waits(agent: Agent, wire: Wire) -> None:
    """A snapshot that nobody takes is not read into memory."""
    for number in range(20):
        await wire.get(f"/v1/kv/k{number}", method="PUT", body=os.urandom(500_000))
    wire.pause()
    wire.send(lines("GET", "/v1/snapshot"))
    connection = only_connection(agent, Connection)
    await comes_true(lambda: waits_for_its_client(connection))
    transport = transport_of(connection)
    assert transport.get_write_buffer_size() < 1 << 20


@pytest.mark.parametrize(
    ("data", "seconds", "ends"),
    [
        (b"GET / HT", Patience().head, True),
        (lines("PUT", "/v1/kv/a", "Content-Length: 9") + b"x", Patience().body, True),
        (b"", Patience().idle, True),
        (lines("GET", "/v1/kv/a?index=9999"), Patience().idle * 10, False),
    ],
    ids=["head", "body", "idle", "blocking"],
)
async def test_a_slow_head_a_slow_body_and_silence_end_a_connection(
    data: bytes, seconds: float, ends: bool, agent: Agent, wire: Wire
) -> None:
    """Each after its own time; a blocking query may take any."""
    await comes_true(lambda: len(agent.listeners.front.connections) == 1)
    connection = only_connection(agent, Connection)
    transport = transport_of(connection)
    wire.send(data)
    await comes_true(lambda: not data or not reader_of(connection).between_requests or is_answering(connection))
    now = asyncio.get_running_loop().time()
    connection.look_at_clock(now)
    connection.look_at_clock(now + seconds - 1)
    assert not transport.is_closing()
    connection.look_at_clock(now + seconds + 1)
    assert transport.is_closing() is ends


async def test_a_client_that_leaves_ends_its_query(agent: Agent) -> None:
    """Nothing is left of many blocking queries whose clients went."""
    writers: list[asyncio.StreamWriter] = []
    for number in range(50):
        _, writer = await asyncio.open_connection(*agent.http_address.split(":"))
        writer.write(lines("GET", f"/v1/kv/none{number}?index=9999"))
        writers.append(writer)
    await comes_true(lambda: len(agent.server.shared_reads) == 50)
    for writer in writers:
        writer.close()
        await writer.wait_closed()
    await comes_true(lambda: len(agent.server.shared_reads) == 0 and not agent.listeners.front.connections)


async def test_a_client_that_leaves_does_not_undo_its_write(agent: Agent) -> None:
    """What was sent whole is carried through."""
    async with connected(agent) as wire:
        wire.send(lines("PUT", "/v1/kv/left", "Content-Length: 1") + b"x")
        await wire.writer.drain()
    async with connected(agent) as other:
        await comes_true(lambda: agent.server.db.count(KVS) == 1)
        assert (await other.get("/v1/kv/left?raw")).body == b"x"


async def test_a_half_closed_client_gets_its_answers(wire: Wire) -> None:
    """``printf … | nc`` works, also for several requests; then the agent closes."""
    wire.send(lines("PUT", "/v1/kv/a", "Content-Length: 1") + b"x" + lines("GET", "/v1/kv/a?raw"))
    wire.writer.write_eof()
    rest = await wire.rest()
    assert rest.count(b"HTTP/1.1 200 OK") == 2 and rest.endswith(b"x")


async def test_a_half_closed_client_cannot_wait_for_ever(agent: Agent) -> None:
    """Its blocking query ends soon."""
    agent.listeners.front.patience = Patience(half_closed=0)
    async with connected(agent) as wire:
        wire.send(lines("GET", "/v1/kv/a?index=9999"))
        await comes_true(lambda: len(agent.server.shared_reads) == 1)
        wire.writer.write_eof()
        assert await wire.rest() == b""
        await comes_true(lambda: len(agent.server.shared_reads) == 0)


async def test_a_body_cut_short_is_an_error(wire: Wire) -> None:
    """Half a value is not written."""
    wire.send(lines("PUT", "/v1/kv/half", "Content-Length: 9") + b"x")
    wire.writer.write_eof()
    answer = await wire.answer()
    assert (answer.status, answer.body) == (500, b"unexpected EOF")


@pytest.mark.parametrize(
    ("rest", "statuses"),
    [
        (b"GET", [200]),
        (b"\r\n", [200]),
        (b"GET ", [200, 400]),
        (lines("PUT", "/v1/kv/a", "Content-Length: 9") + b"cut", [200, 500]),
    ],
)
async def test_what_is_left_unfinished_behind_a_request(rest: bytes, statuses: list[int], wire: Wire) -> None:
    """Is answered in its turn once the client has closed its side, unless it is next to nothing."""
    wire.send(lines("GET", "/v1/status/leader") + rest)
    wire.writer.write_eof()
    assert [(await wire.answer()).status for _ in statuses] == statuses
    assert await wire.reader.read() == b""


async def test_http_1_0_gets_its_own_framing(wire: Wire, agent: Agent) -> None:
    """No chunks, the connection ends after the answer unless keeping it was asked for."""
    wire.send(b"GET /v1/status/leader HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    kept = await wire.answer()
    assert (kept.version, kept.headers["connection"]) == ("HTTP/1.0", "keep-alive")
    wire.send(b"GET /v1/snapshot HTTP/1.0\r\n\r\n")
    streamed = await wire.answer()
    assert "transfer-encoding" not in streamed.headers and gzip.decompress(streamed.body)


@pytest.mark.parametrize("size", [2_000, 400_000])
@pytest.mark.parametrize("accept", ["gzip", "br, GZIP;q=0.5"])
async def test_large_replies_are_packed_on_request(size: int, accept: str, wire: Wire) -> None:
    """Small or large, the client unpacks what was written."""
    value = b"z" * size
    await wire.get("/v1/kv/z", method="PUT", body=value)
    answer = await wire.get("/v1/kv/z?raw", f"Accept-Encoding: {accept}")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == value


async def test_a_stream_is_packed_so_that_each_line_can_be_read_at_once(wire: Wire) -> None:
    """The log of an agent, of which nobody knows when the next line comes."""
    wire.send(lines("GET", "/v1/agent/monitor", "Accept-Encoding: gzip"))
    head = await wire.reader.readuntil(b"\r\n\r\n")
    assert b"\r\nContent-Encoding: gzip\r\n" in head
    logger("agent.x").warn("first")
    unpack = zlib.decompressobj(31)
    text = b""
    while b"first" not in text:
        piece = await wire.reader.readexactly(int(await wire.reader.readline(), 16))
        await wire.reader.readline()
        text += unpack.decompress(piece)


async def test_an_archive_is_packed_again_for_those_who_take_gzip(wire: Wire) -> None:
    """Odd, but so from Consul; clients that ask for gzip unpack once by themselves."""
    packed = await wire.get("/v1/snapshot", "Accept-Encoding: gzip")
    assert packed.headers["content-encoding"] == "gzip"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed.body)), mode="r:gz") as archive:
        assert "state.bin" in archive.getnames()


async def test_refusals_of_a_stream_are_packed_however_short(wire: Wire) -> None:
    """Its route packs from the first byte on."""
    answer = await wire.get("/v1/agent/monitor?loglevel=loud", "Accept-Encoding: gzip")
    assert (answer.status, gzip.decompress(answer.body)) == (400, b"Unknown log level: loud")


@pytest.mark.parametrize("accept", ["", "*", "gzip;q=0", "gzip;q=x", "identity", "gzipped"])
async def test_nobody_gets_gzip_unasked(accept: str, wire: Wire) -> None:
    """``*`` is no wish for gzip, a weight of nothing neither."""
    await wire.get("/v1/kv/z", method="PUT", body=b"z" * 2000)
    assert "content-encoding" not in (await wire.get("/v1/kv/z?raw", f"Accept-Encoding: {accept}")).headers


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 200),
        (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT h:1 HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET http://h?x=1 HTTP/1.1\r\nHost: x\r\n\r\n", 307),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /v1%2fstatus%2fleader HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"GET /v1/kv/a%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /v1/kv/a%00 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET //v1/kv/a%0d%0aX-Y:z HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /v1/kv/\xff HTTP/1.1\r\nHost: x\r\n\r\n", 404),
        (b"BREW /v1/kv/a HTTP/1.1\r\nHost: x\r\n\r\n", 405),
        (b"PUT /v1/kv/a HTTP/1.1\r\nHost: x\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n", 417),
        (b"GET /v1/kv/a HTTP/1.1\r\nHost: x\r\nX: " + b"x" * (2 << 20) + b"\r\n\r\n", 431),
    ],
)
async def test_odd_targets_and_methods(head: bytes, status: int, wire: Wire) -> None:
    """Each gets the status that Consul gives, and the agent goes on."""
    wire.send(head)
    assert (await wire.answer()).status == status


@pytest.mark.parametrize("query", ["a;b&pretty", "a=%zz&pretty", "a;b&index=7", "a=%zz&index=7&pretty"])
async def test_a_query_string_that_is_none_is_answered_whatever_else_it_says(query: str, wire: Wire) -> None:
    """With an empty 500, as in Consul; the connection stays as it is."""
    answers = [await wire.get(f"/v1/status/leader?{query}") for _ in range(2)]
    assert [(answer.status, answer.body) for answer in answers] == [(500, b"")] * 2


async def test_a_fault_of_the_agent_ends_the_connection(
    agent: Agent, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in Go, where the handler of a connection panics: its client would wait for ever, others are answered."""

    async def fail(request: Request) -> Any:
        raise RuntimeError("no answer")

    async with connected(agent) as other:
        with monkeypatch.context() as patch:
            patch.setattr(agent.listeners.front.door, "answer", fail)
            wire.send(lines("GET", "/v1/status/leader"))
            assert await wire.rest() == b""
        assert (await other.get("/v1/status/leader")).status == 200


async def test_bytes_that_are_no_text_may_stand_beside_escapes(wire: Wire) -> None:
    """A key is bytes, however it is written."""
    wire.send(b"PUT /v1/kv/\xff%2Ca HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1")
    assert (await wire.answer()).body == b"true"
    assert (await wire.get("/v1/kv/%ff,a?raw")).body == b"1"
