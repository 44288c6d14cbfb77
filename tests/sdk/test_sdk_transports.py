"""Both clients on real sockets: connections, pieces, errors, retries."""

from __future__ import annotations

import asyncio
import gc
import io
import socket
import struct
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pyconsul.sdk import AsyncClient, Client, QueryOptions, Retry, errors
from pyconsul.sdk.kv import get_request
from pyconsul.testing.ports import free_port
from tests.sdk.conftest import CLOSE, KEY, Asked, Either, MakeClient, StubAgent, plain_answer, started, the_key

pytestmark = pytest.mark.filterwarnings("error")


def refusal(status: int, body: bytes = b"no") -> bytes:
    """A whole answer that says no."""
    return plain_answer(body, status)


def test_a_connection_is_kept_for_the_next_request(client: Either, stub: StubAgent) -> None:
    """Connecting for each request would triple its time."""
    stub.answer = the_key
    for _ in range(3):
        assert client(lambda c: c.kv.get("a")).Value == b"x"
    assert {asked.connection for asked in stub.asked} == {0}


def test_a_kept_connection_that_was_closed_is_replaced(client: Either, stub: StubAgent) -> None:
    """An agent may drop idle connections whenever it likes."""
    stub.answer = the_key
    client(lambda c: c.kv.get("a"))
    stub.connections[0].shutdown(socket.SHUT_RDWR)
    assert client(lambda c: c.kv.get("a")).Value == b"x"
    assert stub.last.connection == 1


def test_a_connection_that_closes_on_the_second_read_is_replaced(make_client: MakeClient, stub: StubAgent) -> None:
    """A read goes out again on a fresh connection even when retries are off."""
    client = make_client(stub.address, retry=Retry.NEVER)
    stub.answer = lambda asked: [CLOSE] if len(stub.asked) == 2 else plain_answer(KEY)
    for _ in range(2):
        assert client(lambda c: c.kv.get("a")).Value == b"x"


def test_pieces_are_put_together(client: Either, stub: StubAgent) -> None:
    """An answer may come byte by byte."""
    stub.answer = lambda asked: (bytes([byte]) for byte in plain_answer(KEY))
    assert client(lambda c: c.kv.get("a")).Key == "a"


def test_a_cut_answer_is_a_transport_error(make_client: MakeClient, stub: StubAgent) -> None:
    """Half a body is never taken for a whole one."""
    client = make_client(stub.address, retry=Retry.NEVER)
    stub.answer = lambda asked: [plain_answer(KEY)[:-3], CLOSE]
    with pytest.raises(errors.TransportError, match=r"^unexpected EOF$") as caught:
        client(lambda c: c.kv.get("a"))
    assert caught.value.sent


def test_nobody_there_is_said_in_gos_words(make_client: MakeClient) -> None:
    """The address is in the text and in the exception."""
    address = f"127.0.0.1:{free_port()}"
    client = make_client(address, retry=Retry.NEVER)
    with pytest.raises(errors.TransportError) as caught:
        client(lambda c: c.kv.get("a"))
    url = f"http://{address}/v1/kv/a"
    assert str(caught.value) == f'Get "{url}": dial tcp {address}: connect: connection refused'
    assert (caught.value.address, caught.value.sent) == (address, False)


def test_a_name_is_dialled_by_its_address(make_client: MakeClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The URL keeps the name, the error tells the address."""
    port = free_port()

    def look_up(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        return [(None, None, 0, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    client = make_client(f"agent.test:{port}", retry=Retry.NEVER)
    with pytest.raises(errors.TransportError) as caught:
        client(lambda c: c.kv.get("a"))
    told = f"dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert str(caught.value) == f'Get "http://agent.test:{port}/v1/kv/a": {told}'


def test_a_reset_names_both_ends(make_client: MakeClient, stub: StubAgent) -> None:
    """As Go's client does."""

    def reset(asked: Asked) -> list[bytes]:
        stub.connections[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return [CLOSE]

    stub.answer = reset
    client = make_client(stub.address, retry=Retry.NEVER)
    here = stub.address.removeprefix("http://")
    text = rf": read tcp 127\.0\.0\.1:\d+->{here}: read: connection reset by peer$"
    with pytest.raises(errors.TransportError, match=text):
        client(lambda c: c.kv.get("a"))


def test_a_silent_agent_times_out(make_client: MakeClient, stub: StubAgent) -> None:
    """The timeout of the options counts for one request."""
    gate = threading.Event()

    def wait(asked: Asked) -> bytes:
        gate.wait(60)
        return plain_answer(KEY)

    stub.answer = wait
    client = make_client(stub.address, retry=Retry.NEVER)
    with pytest.raises(errors.TransportError, match="deadline exceeded"):
        client(lambda c: c.kv.get("a", QueryOptions(timeout=0.05)))
    gate.set()


@pytest.mark.parametrize(
    ("first", "second", "silence", "fails"), [(60, 0.05, 60, True), (1, 60, 1.2, False)], ids=["shorter", "longer"]
)
def test_each_request_on_a_connection_has_its_own_timeout(
    make_client: MakeClient, stub: StubAgent, first: float, second: float, silence: float, fails: bool
) -> None:
    """The agent is silent at the second one until the shorter timeout is over."""
    over = threading.Event()

    def answer(asked: Asked) -> bytes:
        if len(stub.asked) == 2:
            over.wait(silence)
        return plain_answer(KEY)

    stub.answer = answer
    client = make_client(stub.address, retry=Retry.NEVER)
    client(lambda c: c.kv.get("a", QueryOptions(timeout=first)))
    if fails:
        with pytest.raises(errors.TransportError, match="deadline exceeded"):
            client(lambda c: c.kv.get("a", QueryOptions(timeout=second)))
    else:
        assert client(lambda c: c.kv.get("a", QueryOptions(timeout=second))).Value == b"x"
    assert stub.last.connection == 0
    over.set()


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_read_is_repeated_after_a_passing_error(client: Either, stub: StubAgent, status: int) -> None:
    """The second answer counts."""
    stub.answer = lambda asked: refusal(status) if len(stub.asked) == 1 else plain_answer(KEY)
    assert client(lambda c: c.kv.get("a")).Key == "a"


def test_a_read_gives_up_after_its_attempts(client: Either, stub: StubAgent) -> None:
    """Three by the settings of this test."""
    stub.answer = lambda asked: refusal(500, b"No cluster leader")
    with pytest.raises(errors.ServerError, match="No cluster leader"):
        client(lambda c: c.kv.get("a"))
    assert len(stub.asked) == 3


def test_a_write_is_never_repeated(client: Either, stub: StubAgent) -> None:
    """It may have had its effect."""
    stub.answer = lambda asked: refusal(500)
    with pytest.raises(errors.ServerError):
        client(lambda c: c.kv.put("a", "x"))
    assert len(stub.asked) == 1


def test_a_write_that_can_be_repeated_is(client: Either, stub: StubAgent) -> None:
    """Renewing a session twice does no harm."""
    stub.answer = lambda asked: refusal(500) if len(stub.asked) == 1 else plain_answer(b'[{"ID":"s"}]')
    assert client(lambda c: c.session.renew("s")).ID == "s"


def test_a_refusal_is_not_repeated(client: Either, stub: StubAgent) -> None:
    """What will not pass is raised at once."""
    stub.answer = lambda asked: refusal(403, b"Permission denied")
    with pytest.raises(errors.PermissionDenied):
        client(lambda c: c.kv.get("a"))
    assert len(stub.asked) == 1


def test_redirections_within_the_agent_are_followed(client: Either, stub: StubAgent) -> None:
    """Consul cleans paths that way; the token goes along."""
    moved = b"HTTP/1.1 301 Moved\r\nLocation: /v1/kv/a\r\nContent-Length: 0\r\n\r\n"
    stub.answer = lambda asked: moved if "//" in asked.target else plain_answer(KEY)
    assert client(lambda c: c.kv.get("/x//a", QueryOptions(token="t"))).Key == "a"
    assert stub.last.headers["x-consul-token"] == "t"


def test_redirections_in_a_circle_end(client: Either, stub: StubAgent) -> None:
    """As Go's client does after ten, telling the last place as the agent wrote it."""
    stub.answer = lambda asked: b"HTTP/1.1 301 Moved\r\nLocation: /v1/kv/a\r\nContent-Length: 0\r\n\r\n"
    asks: list[Callable[[Any], Any]] = [lambda c: c.kv.get("a"), lambda c: c.snapshot.save()]
    for ask in asks:
        with pytest.raises(errors.TransportError, match=r'^Get "/v1/kv/a": stopped after 10 redirects$'):
            client(ask)


def test_a_stream_follows_redirections_too(client: Either, stub: StubAgent) -> None:
    """What is read in pieces is found where the agent says."""
    moved = b"HTTP/1.1 307 Moved\r\nLocation: /v1/there\r\nContent-Length: 3\r\n\r\nxyz"
    stub.answer = lambda asked: plain_answer(b"it") if asked.target == "/v1/there" else moved
    stream = client(lambda c: c.snapshot.save())
    assert client.settle(stream.read()).body == b"it"
    client.end(stream)


def test_unix_sockets_work(make_client: MakeClient, unix_stub: StubAgent) -> None:
    """The same protocol over a path."""
    unix_stub.answer = the_key
    client = make_client(unix_stub.address)
    assert client(lambda c: c.kv.get("a")).Key == "a"
    assert unix_stub.last.headers["host"] == "localhost"


@pytest.mark.skipif(sys.platform != "linux", reason="abstract names are Linux's")
def test_an_at_sign_names_an_abstract_unix_socket(make_client: MakeClient) -> None:
    """As with Go's client."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    name = f"pyconsul-{uuid.uuid4()}"
    listener.bind(f"\0{name}")
    listener.listen()
    for stub in started(StubAgent(listener, answer=the_key)):
        assert make_client(f"unix://@{name}")(lambda c: c.kv.get("a")).Key == "a"
        assert stub.last.headers["host"] == ""


def test_a_missing_unix_socket_is_named(make_client: MakeClient, tmp_path: Path) -> None:
    """In Go's words."""
    client = make_client(f"unix://{tmp_path}/none.sock", retry=Retry.NEVER)
    with pytest.raises(errors.TransportError, match=f"dial unix {tmp_path}/none.sock: connect: no such file"):
        client(lambda c: c.kv.get("a"))


def test_many_requests_run_side_by_side(make_client: MakeClient, stub: StubAgent) -> None:
    """A blocking query in one thread or task does not hold up another."""
    gate, arrived = threading.Event(), threading.Event()

    def answer(asked: Asked) -> bytes:
        if "slow" in asked.target:
            arrived.set()
            gate.wait(60)
        return plain_answer(KEY)

    stub.answer = answer
    client = make_client(stub.address)
    if client.kind == "blocking":
        slow = threading.Thread(target=lambda: client.client.kv.get("slow"))
        slow.start()
        assert arrived.wait(60)
        assert client.client.kv.get("fast").Key == "a"
        gate.set()
        slow.join(60)
    else:

        async def both() -> None:
            slow = asyncio.create_task(client.client.kv.get("slow"))
            assert await asyncio.to_thread(arrived.wait, 60)
            await client.client.kv.get("fast")
            gate.set()
            await slow

        client.settle(both())
    assert len(stub.connections) == 2


def test_a_stream_is_read_as_it_comes(client: Either, stub: StubAgent) -> None:
    """Lines come out while the agent is still writing."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    stub.answer = lambda asked: iter([head, b"4\r\none\n\r\n", b"6\r\ntwo\nth\r\n", b"3\r\nree\r\n", b"0\r\n\r\n"])
    stream = client(lambda c: c.agent.monitor(log_level="info"))
    assert client.take(3, lambda c: stream.lines()) == ["one", "two", "three"]
    assert stub.last.target == "/v1/agent/monitor?loglevel=info"
    client.end(stream)


@pytest.mark.parametrize("count", [2, 3])
def test_a_stream_that_is_cut_gives_what_came(client: Either, stub: StubAgent, count: int) -> None:
    """The last words of an agent that ends are shown before the error is."""
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    stub.answer = lambda asked: [head, b"6\r\none\ntw\r\n", CLOSE]
    stream = client(lambda c: c.agent.monitor())
    if count == 2:
        assert client.take(2, lambda c: stream.lines()) == ["one", "tw"]
    else:
        with pytest.raises(errors.TransportError, match=r"^unexpected EOF$"):
            client.take(3, lambda c: stream.lines())
    client.end(stream)


def test_a_stream_that_is_closed_lets_its_reader_go(stub: StubAgent) -> None:
    """A thread that waits for the next piece ends with an error, not with the next piece."""
    hold = threading.Event()
    stub.answer = lambda asked: chunks_until(hold)
    with Client(stub.address) as client:
        stream = client.agent.monitor()
        first, ended = threading.Event(), threading.Event()

        def read() -> None:
            with suppress(errors.TransportError, OSError, ValueError):
                for _ in stream:
                    first.set()
            ended.set()

        threading.Thread(target=read, daemon=True).start()
        assert first.wait(30)
        stream.close()
        assert ended.wait(30)
        hold.set()


def chunks_until(hold: threading.Event) -> Iterator[bytes]:
    """One piece of a log, and the next one only when the test lets it go."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n"
    hold.wait()


def test_a_stream_that_is_refused_is_an_error(client: Either, stub: StubAgent) -> None:
    """The body of the refusal is in the exception."""
    stub.answer = lambda asked: refusal(403, b"Permission denied")
    with pytest.raises(errors.PermissionDenied):
        client(lambda c: c.snapshot.save())


def test_a_switch_of_protocols_is_an_unexpected_status(client: Either, stub: StubAgent) -> None:
    """Something between us and the agent speaks another protocol."""
    stub.answer = lambda asked: refusal(101, b"")
    with pytest.raises(errors.UnexpectedStatus) as caught:
        client(lambda c: c.kv.get("a"))
    assert caught.value.status == 101


def test_a_large_download_is_whole(client: Either, stub: StubAgent) -> None:
    """Flow control neither loses nor doubles anything."""
    body = bytes(range(256)) * 40_000
    stub.answer = lambda asked: plain_answer(body)
    stream = client(lambda c: c.snapshot.save())
    assert client.settle(stream.read()).body == body
    client.end(stream)


def test_a_file_is_sent_in_pieces(client: Either, stub: StubAgent) -> None:
    """A snapshot need not fit into memory."""
    body = bytes(range(256)) * 4_000
    stub.answer = lambda asked: plain_answer(b"")
    client(lambda c: c.snapshot.restore(io.BytesIO(body)))
    assert stub.last.headers["transfer-encoding"] == "chunked"
    assert stub.last.body == body


def test_raw_gives_any_status(client: Either, stub: StubAgent) -> None:
    """Routes without a method of ours, and answers that are no success."""
    stub.answer = lambda asked: refusal(418, b"teapot")
    answer = client(lambda c: c.raw("PUT", "/v1/new", {"a": "b"}, b"body", {"X-Y": "z"}))
    assert (answer.status, answer.text()) == (418, "teapot")
    assert (stub.last.method, stub.last.target, stub.last.body) == ("PUT", "/v1/new?a=b", b"body")
    assert (stub.last.headers["x-y"], stub.last.headers["content-type"]) == ("z", "application/json")


def test_a_watch_yields_changes_only(client: Either, stub: StubAgent) -> None:
    """Queries that time out are not seen; after an index that went back the next one does not wait."""
    script = iter([5, 5, 5, 6, 3, 3, 4])
    stub.answer = lambda asked: plain_answer(b"null", X_Consul_Index=str(next(script)))
    replies = client.take(4, lambda c: c.watch(get_request("a"), wait=1))
    assert [reply.meta.index for reply in replies] == [5, 6, 3, 4]
    assert "index=5" in stub.asked[1].target
    assert "index=" not in stub.asked[5].target


def test_a_watch_can_raise_errors(client: Either, stub: StubAgent) -> None:
    """Where the caller wants to handle them."""
    stub.answer = lambda asked: refusal(500)
    with pytest.raises(errors.ServerError):
        client.take(1, lambda c: c.watch(get_request("a"), errors="raise"))


def test_a_watch_never_retries_what_will_not_pass(client: Either, stub: StubAgent) -> None:
    """A wrong filter or a missing right ends it."""
    stub.answer = lambda asked: refusal(403)
    with pytest.raises(errors.PermissionDenied):
        client.take(1, lambda c: c.watch(get_request("a")))


def test_a_client_survives_a_change_of_loops(stub: StubAgent) -> None:
    """Each ``asyncio.run`` has its own; connections of an ended one are not used."""
    stub.answer = the_key
    client = AsyncClient(stub.address)

    async def once(closes: bool) -> Any:
        entry = await client.kv.get("a")
        if closes:
            await client.aclose()
        return entry

    with pytest.warns(ResourceWarning):  # of the first loop, which ended with a kept connection
        assert asyncio.run(once(False)).Key == "a"
        assert asyncio.run(once(True)).Key == "a"
        gc.collect()
