"""Connections that speak HTTP/2 over TLS, with clients that wait, leave, read slowly, or send what is no frame."""

import asyncio
import gzip
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest

from pyconsul.agent.agent import Agent
from pyconsul.agent.http.front import bodies
from pyconsul.agent.http.front.http2 import HEADER_LIMIT, HEADER_SLOP, PlainEncoder
from pyconsul.agent.http.front.http2_connection import Http2Connection
from pyconsul.agent.http.front.http_front import Patience
from pyconsul.server.state.kv import KVS
from tests.http.conftest import RunHttps, Wire, client_context, connected
from tests.insides import only_connection, streams_of, tasks_of, transport_of, waits_for_its_client
from tests.waiting import comes_true


@dataclass
class Reply:
    """What came on one stream."""

    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""
    ended: bool = False
    reset: int | None = None


CONFIG = h2.config.H2Configuration(
    header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False
)


class Client:
    """A client of one connection, which reads only while it waits."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.core = h2.connection.H2Connection(CONFIG)
        self.core.initiate_connection()
        self.replies: dict[int, Reply] = {}
        self.goaway = False
        self.flush()

    def flush(self) -> None:
        """Send what is to be sent."""
        self.wire.send(self.core.data_to_send())

    def ask(self, path: str, method: str = "GET", *more: tuple[str, str], end: bool = True) -> int:
        """Begin a request; returns its stream."""
        stream = self.core.get_next_available_stream_id()
        base = [(":method", method), (":authority", "x")]
        if path:
            base += [(":scheme", "https"), (":path", path)]
        self.core.send_headers(stream, base + list(more), end_stream=end)
        self.replies[stream] = Reply()
        self.flush()
        return stream

    async def put(self, path: str, body: bytes) -> Reply:
        """A whole write, in frames as large as are allowed."""
        stream = self.ask(path, "PUT", end=False)
        while body and self.replies[stream].reset is None:
            room = min(self.core.local_flow_control_window(stream), self.core.max_outbound_frame_size)
            if room:
                self.core.send_data(stream, body[:room])
                body = body[room:]
                self.flush()
            else:
                await self.read()
        if self.replies[stream].reset is None:
            self.core.end_stream(stream)
        self.flush()
        return await self.answer(stream)

    async def get(self, path: str, method: str = "GET", *more: tuple[str, str]) -> Reply:
        """One request and its answer."""
        return await self.answer(self.ask(path, method, *more))

    async def answer(self, stream: int) -> Reply:
        """The reply of that stream, to its end."""
        reply = self.replies[stream]
        async with asyncio.timeout(10):
            while not reply.ended and reply.reset is None:
                await self.read()
        return reply

    async def read(self) -> bool:
        """Take what came; False at the end of the connection."""
        data = await self.wire.reader.read(65536)
        for event in self.core.receive_data(data):
            self.take(event)
        self.flush()
        return data != b""

    async def rest(self) -> None:
        """Read to the end of the connection."""
        with suppress(ConnectionError):
            while await self.read():
                pass

    def take(self, event: h2.events.Event) -> None:
        """Put one event where it belongs."""
        reply = self.replies.get(getattr(event, "stream_id", 0) or 0, Reply())
        if isinstance(event, h2.events.ResponseReceived | h2.events.InformationalResponseReceived):
            reply.headers |= {str(name): str(value) for name, value in event.headers or ()}
        elif isinstance(event, h2.events.DataReceived):
            reply.body += event.data or b""
            self.core.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        elif isinstance(event, h2.events.StreamEnded):
            reply.ended = True
        elif isinstance(event, h2.events.StreamReset):
            reply.reset = int(event.error_code)
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = True


@pytest.fixture(name="agent")
async def https_agent(run_https: RunHttps) -> AsyncIterator[Agent]:
    """A running agent with HTTPS."""
    async with run_https() as agent:
        yield agent


@asynccontextmanager
async def speaking(agent: Agent) -> AsyncGenerator[Client]:
    """A client of HTTP/2 connected to the agent."""
    context = client_context()
    context.set_alpn_protocols(["h2"])
    async with connected(agent, context) as wire:
        assert wire.writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
        yield Client(wire)


@pytest.fixture(name="client")
async def client_fixture(agent: Agent) -> AsyncIterator[Client]:
    """A client of HTTP/2 connected to the agent."""
    async with speaking(agent) as client:
        yield client


@pytest.mark.parametrize(
    "path",
    ["/v1/kv/a?raw", "/v1/kv/none", "/v1/catalog/services?pretty", "/v1/none", "/ui", "/v1/kv/a?index=x", "//v1/kv/a"],
)
async def test_answers_are_those_of_http_1(path: str, client: Client, agent: Agent) -> None:
    """Status, headers and body; names are lower case there."""
    assert (await client.put("/v1/kv/a", b"hello")).body == b"true"
    found = await client.get(path)
    async with connected(agent) as wire:
        same = await wire.get(path)
    status = found.headers.pop(":status")
    assert (int(status), found.body) == (same.status, same.body)
    del same.headers["date"], found.headers["date"]
    assert found.headers == same.headers


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("HEAD", "/ui/", 200, b""),
        ("OPTIONS", "/v1/kv/a", 200, b""),
        ("OPTIONS", "*", 200, b""),
        ("GET", "*", 400, b""),
        ("POST", "/v1/kv/a", 405, b"method POST not allowed"),
        ("CONNECT", "", 404, b"404 page not found\n"),
        ("BREW", "/v1/kv/a", 405, b"method BREW not allowed"),
    ],
)
async def test_methods_are_those_of_http_1(method: str, path: str, status: int, body: bytes, client: Client) -> None:
    """A reply to HEAD has a length and no body."""
    found = await client.get(path, method)
    assert (found.headers[":status"], found.body) == (str(status), body)
    assert method != "HEAD" or int(found.headers["content-length"]) > 0


async def test_large_replies_are_packed_where_asked_for(client: Client) -> None:
    """And come whole through windows that are smaller than they are."""
    body = os.urandom(200_000).hex().encode()
    await client.put("/v1/kv/big", body)
    packed = await client.get("/v1/kv/big?raw", "GET", ("accept-encoding", "gzip"))
    assert packed.headers["content-encoding"] == "gzip" and gzip.decompress(packed.body) == body
    assert (await client.get("/v1/kv/big?raw")).body == body


async def test_queries_wait_side_by_side(client: Client) -> None:
    """A hundred streams of one connection, woken by a write on one more."""
    streams = [client.ask(f"/v1/kv/a?index=1&wait=60s&n={number}") for number in range(100)]
    await client.put("/v1/kv/other", b"x")
    assert not any(client.replies[stream].ended for stream in streams)
    await client.put("/v1/kv/a", b"x")
    assert {(await client.answer(stream)).headers[":status"] for stream in streams} == {"200"}


async def test_a_reset_ends_the_query_that_waits(client: Client, agent: Agent) -> None:
    """And nothing else of the connection."""
    stream = client.ask("/v1/kv/a?index=1&wait=60s")
    await comes_true(lambda: len(agent.server.shared_reads) == 1)
    client.core.reset_stream(stream)
    client.flush()
    await comes_true(lambda: len(agent.server.shared_reads) == 0)
    assert (await client.get("/v1/status/leader")).headers[":status"] == "200"
    connection = only_connection(agent, Http2Connection)
    await comes_true(lambda: not streams_of(connection) and not tasks_of(connection))


async def test_a_client_that_leaves_ends_its_queries(agent: Agent) -> None:
    """All streams of the connection."""
    async with speaking(agent) as client:
        for number in range(20):
            client.ask(f"/v1/kv/none{number}?index=1&wait=60s")
        await comes_true(lambda: len(agent.server.shared_reads) == 20)
    await comes_true(lambda: len(agent.server.shared_reads) == 0 and not agent.listeners.front.connections)
    assert not agent.listeners.front.visitors.held


async def test_a_reset_does_not_undo_a_write(client: Client, agent: Agent) -> None:
    """What was sent whole is carried through."""
    stream = client.ask("/v1/kv/left", "PUT", end=False)
    client.core.send_data(stream, b"x", end_stream=True)
    client.core.reset_stream(stream)
    client.flush()
    await comes_true(lambda: agent.server.db.count(KVS) == 1)


async def test_a_body_that_is_too_long_gets_413_and_no_more_of_it_is_wanted(client: Client) -> None:
    """Announced or not; the connection goes on."""
    announced = await client.answer(client.ask("/v1/kv/a", "PUT", ("content-length", "99999999"), end=False))
    grown = await client.put("/v1/kv/a", b"x" * 700_000)
    for reply in (announced, grown):
        assert reply.headers[":status"] == "413" and b"too large" in reply.body
    assert (await client.put("/v1/kv/a", b"x")).body == b"true"


async def test_a_long_redirect_costs_little(client: Client) -> None:
    """Its Location is as long as the path, and is not packed for it."""
    client.core.encoder = PlainEncoder()
    path = "/v1/kv/" + "a" * 50_000
    assert (await client.get("/" + path)).headers["location"] == path


async def test_a_header_of_http_1_is_named(client: Client) -> None:
    """In Go's words and with its headers; the connection goes on."""
    found = await client.get("/v1/kv/a", "GET", ("connection", "close"))
    assert (found.headers[":status"], found.headers["x-content-type-options"]) == ("400", "nosniff")
    assert found.body == b'request header "Connection" is not valid in HTTP/2\n'
    assert (await client.get("/v1/status/leader")).headers[":status"] == "200"


async def test_a_refusal_of_head_has_no_body(client: Client) -> None:
    """As any reply to HEAD."""
    found = await client.get("/v1/kv/a", "HEAD", ("connection", "close"))
    assert (found.headers[":status"], found.body) == ("400", b"")


async def test_a_client_that_says_goodbye_gets_the_replies_that_it_waits_for(client: Client, agent: Agent) -> None:
    """Then the connection ends."""
    stream = client.ask("/v1/kv/a?index=1&wait=60s")
    await comes_true(lambda: len(agent.server.shared_reads) == 1)
    client.wire.send(b"\0\0\x08\x07\0" + bytes(4) + bytes(8))
    async with connected(agent) as other:
        assert (await other.get("/v1/kv/a", method="PUT", body=b"x")).status == 200
    assert (await client.answer(stream)).headers[":status"] == "200"
    await client.rest()
    assert client.goaway
    await comes_true(lambda: not agent.listeners.front.connections)


async def test_a_goodbye_without_a_request_ends_the_connection(client: Client) -> None:
    """At once, with ours."""
    client.wire.send(b"\0\0\x08\x07\0" + bytes(4) + bytes(8))
    await client.rest()
    assert client.goaway


async def test_a_body_is_invited(client: Client) -> None:
    """``Expect: 100-continue`` gets its informational reply before the body."""
    stream = client.ask("/v1/kv/a", "PUT", ("expect", "100-continue"), end=False)
    while ":status" not in client.replies[stream].headers:
        await client.read()
    assert client.replies[stream].headers[":status"] == "100"
    client.core.send_data(stream, b"x", end_stream=True)
    client.flush()
    assert (await client.answer(stream)).headers[":status"] == "200"


async def test_bodies_of_all_streams_are_counted(client: Client, agent: Agent) -> None:
    """Each byte, and long headers, until their requests are answered; above the bound there is 503."""
    held = agent.listeners.front.bodies
    stream = client.ask("/v1/kv/a", "PUT", ("x-long", "y" * 9000), end=False)
    client.core.send_data(stream, b"x" * 1000)
    client.flush()
    await comes_true(lambda: held.held > 10_000)
    client.core.end_stream(stream)
    client.flush()
    await client.answer(stream)
    await comes_true(lambda: held.held == 0)
    held.held = bodies.ALL_BODIES
    assert (await client.put("/v1/kv/a", b"x")).headers[":status"] == "503"
    held.held = 0


async def test_a_client_that_takes_nothing_holds_little(client: Client, agent: Agent) -> None:
    """Replies wait for its windows; without progress it is cut off."""
    await client.put("/v1/kv/big", b"x" * 500_000)
    client.core.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
    streams = [client.ask("/v1/kv/big?raw") for _ in range(50)]
    connection = only_connection(agent, Http2Connection)
    await comes_true(lambda: sum(stream.waits_for_room for stream in streams_of(connection).values()) == len(streams))
    transport = transport_of(connection)
    assert transport.get_write_buffer_size() < 100_000
    now = asyncio.get_running_loop().time()
    connection.look_at_clock(now + 1)
    assert not transport.is_closing()
    connection.look_at_clock(now + Patience().stalled + 1)
    await comes_true(lambda: not agent.listeners.front.connections)
    assert not streams_of(connection) or await asyncio.wait(tasks_of(connection))


async def test_a_client_that_reads_nothing_is_not_read_from(client: Client, agent: Agent) -> None:
    """Above the socket's own buffers nothing piles up, and all comes once it reads."""
    body = b"x" * 500_000
    await client.put("/v1/kv/big", body)
    client.core.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 1 << 30})
    client.core.increment_flow_control_window(1 << 30)
    client.wire.pause()
    streams = [client.ask("/v1/kv/big?raw") for _ in range(40)]
    connection = only_connection(agent, Http2Connection)
    await comes_true(lambda: waits_for_its_client(connection))
    assert transport_of(connection).get_write_buffer_size() < 2 * len(body)
    client.wire.resume()
    assert {(await client.answer(stream)).body == body for stream in streams} == {True}


async def test_a_flood_by_one_client_holds_up_no_other(client: Client, agent: Agent) -> None:
    """Its frames are taken in turns between which others are answered; in the end it gets all its answers."""
    connection = only_connection(agent, Http2Connection)
    client.wire.send(b"\0\0\x08\x06\0\0\0\0\0abcdefgh" * 5000)
    await comes_true(lambda: connection.is_busy)
    async with connected(agent) as other:
        assert (await other.get("/v1/status/leader")).status == 200
    assert connection.is_busy
    assert (await client.get("/v1/status/leader")).headers[":status"] == "200"


async def test_headers_that_are_too_long_are_refused_and_the_connection_goes_on(client: Client) -> None:
    """With the answer of Go's server."""
    client.core.encoder = PlainEncoder()
    reply = await client.get("/v1/status/leader", "GET", ("x", "v" * (HEADER_LIMIT + HEADER_SLOP)))
    assert reply.headers[":status"] == "431"
    assert reply.body == b"<h1>HTTP Error 431</h1><p>Request Header Field(s) Too Large</p>"
    assert (await client.get("/v1/status/leader")).headers[":status"] == "200"


async def test_a_body_that_does_not_come_and_silence_end_a_connection(client: Client, agent: Agent) -> None:
    """Each after its own time; a query that waits may take any."""
    await client.get("/v1/status/leader")
    connection = only_connection(agent, Http2Connection)
    await comes_true(lambda: not tasks_of(connection))
    now = asyncio.get_running_loop().time()
    connection.look_at_clock(now + Patience().idle - 1)
    waits = client.ask("/v1/kv/a?index=1&wait=60s")
    await comes_true(lambda: len(agent.server.shared_reads) == 1)
    connection.look_at_clock(now + Patience().idle * 2)
    client.ask("/v1/kv/a", "PUT", end=False)
    await comes_true(lambda: len(streams_of(connection)) == 2)
    assert not transport_of(connection).is_closing()
    connection.look_at_clock(now + Patience().idle)
    assert not client.replies[waits].ended
    await comes_true(lambda: not agent.listeners.front.connections)


async def test_an_agent_that_stops_says_goodbye(run_https: RunHttps) -> None:
    """With GOAWAY, once those who wait have their answers."""
    async with run_https() as agent, speaking(agent) as client:
        waits = client.ask("/v1/kv/a?index=1&wait=60s")
        await client.get("/v1/status/leader")
        reading = asyncio.create_task(client.rest())
        await agent.stop()
        await reading
        assert client.replies[waits].ended and client.goaway


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n\r\n", bytes(100), b"\0\0\1\x09\4\0\0\0\1\x84", b"\xff" * 5000, b"\0\0\0\x01\5\0\0\0\2"],
    ids=["HTTP/1", "zeros", "continuation", "long", "even stream"],
)
async def test_what_is_no_frame_ends_the_connection(data: bytes, client: Client, agent: Agent) -> None:
    """With GOAWAY; queries of it end, the agent goes on."""
    client.ask("/v1/kv/a?index=1&wait=60s")
    await client.get("/v1/status/leader")
    client.wire.send(data)
    async with asyncio.timeout(10):
        await client.rest()
    assert client.goaway
    await comes_true(lambda: not agent.listeners.front.connections and len(agent.server.shared_reads) == 0)


async def test_a_snapshot_goes_both_ways(client: Client) -> None:
    """Streamed out, and taken in through a file."""
    for number in range(8):
        await client.put(f"/v1/kv/k{number}", os.urandom(400_000))
    saved = (await client.get("/v1/snapshot")).body
    assert len(saved) > 2 * bodies.SPOOL_FROM
    await client.get("/v1/kv/k0", "DELETE")
    assert (await client.put("/v1/snapshot", saved)).headers[":status"] == "200"
    assert len((await client.get("/v1/kv/k0?raw")).body) == 400_000


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
@pytest.mark.parametrize(("flag", "version"), [("--http2", "2"), ("--http1.1", "1.1")])
async def test_curl_gets_what_it_asks_for(flag: str, version: str, agent: Agent) -> None:
    """By ALPN, either version."""
    url = f"https://{agent.listeners.https_address}/v1/kv/a"
    for more in (["-X", "PUT", "--data-binary", "hello"], []):
        curl = await asyncio.create_subprocess_exec(
            *("curl", "-sk", flag, "-w", " %{http_version}", *more, url + "?raw"), stdout=asyncio.subprocess.PIPE
        )
        out = (await curl.communicate())[0]
        assert out == f"{'true' if more else 'hello'} {version}".encode()
