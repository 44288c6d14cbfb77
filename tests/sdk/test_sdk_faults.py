"""What a program meets when agents stall, die and come back: both clients against a scripted agent."""

from __future__ import annotations

import importlib
import io
import logging
import os
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

from pyconsul.sdk import AsyncClient, Client, QueryOptions, Retry, errors
from pyconsul.sdk.kv import get_request
from tests.sdk.conftest import CLOSE, KEY, Asked, Either, MakeClient, StubAgent, plain_answer

pytestmark = pytest.mark.filterwarnings("error")

Listening = Callable[[Callable[[socket.socket], object]], str]
"""Starts an agent that does with its first connection what a test says; gives its address."""


@pytest.fixture
def listening() -> Iterator[Listening]:
    """An agent of one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads: list[threading.Thread] = []

        def start(talk: Callable[[socket.socket], object]) -> str:
            def serve() -> None:
                with suppress(OSError), listener.accept()[0] as sock:
                    talk(sock)

            threads.append(threading.Thread(target=serve, daemon=True))
            threads[0].start()
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

        yield start
        listener.shutdown(socket.SHUT_RDWR)
        threads[0].join(60)


def test_a_timeout_is_the_whole_time_that_a_request_may_take(client: Either, stub: StubAgent) -> None:
    """A read that nobody answers is not asked again, or it would take three times as long as the caller allows."""
    gate = threading.Event()

    def answer(asked: Asked) -> bytes:
        gate.wait(60)
        return plain_answer(KEY)

    stub.answer = answer
    with pytest.raises(errors.TransportError, match="deadline exceeded") as caught:
        client(lambda c: c.kv.get("a", QueryOptions(timeout=0.05)))
    gate.set()
    assert caught.value.timed_out
    assert len(stub.asked) == 1


def test_an_answer_may_take_long_as_long_as_it_goes_on(make_client: MakeClient, stub: StubAgent) -> None:
    """The timeout bounds the silence between two pieces, not the sum."""
    tick = threading.Event()

    def slowly() -> Iterator[bytes]:
        answer = plain_answer(b'"' + b"x" * 100 + b'"')
        for start in range(0, len(answer), 12):
            tick.wait(0.1)
            yield answer[start : start + 12]

    stub.answer = lambda asked: slowly()
    client = make_client(stub.address, timeout=1.0, retry=Retry.NEVER)
    assert client(lambda c: c.status.leader()) == "x" * 100


def test_an_agent_that_takes_no_more_of_an_upload_times_out(make_client: MakeClient, listening: Listening) -> None:
    """It must not hold up the program for ever."""
    gate = threading.Event()
    client = make_client(listening(lambda sock: gate.wait(60)))
    with pytest.raises(errors.TransportError, match="deadline exceeded"):
        client(lambda c: c.snapshot.restore(io.BytesIO(bytes(30_000_000)), QueryOptions(timeout=0.2)))
    gate.set()


@pytest.mark.parametrize("body", [bytes(8_000_000), io.BytesIO(bytes(8_000_000))], ids=["bytes", "file"])
def test_an_upload_ends_when_the_agent_refuses_it(
    make_client: MakeClient, listening: Listening, body: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The refusal is what the caller gets; nothing is written to the closed connection."""

    def refuse(sock: socket.socket) -> None:
        sock.recv(100)
        sock.sendall(plain_answer(b"Permission denied", 403, Connection="close"))

    client = make_client(listening(refuse))
    with caplog.at_level(logging.WARNING), pytest.raises(errors.PermissionDenied, match="Permission denied"):
        client(lambda c: c.snapshot.restore(body))
    assert not caplog.records


def test_an_agent_may_answer_before_it_has_taken_all(make_client: MakeClient, listening: Listening) -> None:
    """And close its side while it reads the rest: its answer counts."""

    def talk(sock: socket.socket) -> None:
        sock.recv(1)
        sock.sendall(plain_answer(b"too much", 413, Connection="close"))
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(1 << 16):
            pass

    client = make_client(listening(talk), retry=Retry.NEVER)
    with pytest.raises(errors.UnexpectedStatus, match=r"413 \(too much\)"):
        client(lambda c: c.kv.put("a", b"x" * (16 << 20)))


async def test_a_write_does_not_go_to_a_connection_that_ended(stub: StubAgent) -> None:
    """The agent closed it while the program kept the loop busy, so the client has not been told yet."""
    stub.answer = lambda asked: plain_answer(b"true")
    async with AsyncClient(stub.address) as consul:
        await consul.kv.put("a", "1")
        stub.connections[0].shutdown(socket.SHUT_RDWR)
        stub.connections[0].close()
        assert await consul.kv.put("a", "2")
    assert [asked.connection for asked in stub.asked] == [0, 1]


def test_a_write_is_never_sent_twice(make_client: MakeClient, stub: StubAgent) -> None:
    """Where the connection ends after the request left, nobody knows whether it was done."""
    stub.answer = lambda asked: plain_answer(b"true") if len(stub.asked) == 1 else [CLOSE]
    client = make_client(stub.address)
    client(lambda c: c.kv.put("a", "1"))
    with pytest.raises(errors.TransportError):
        client(lambda c: c.kv.put("a", "2"))
    assert len(stub.asked) == 2


def test_a_forked_child_has_connections_of_its_own(stub: StubAgent) -> None:
    """On a shared one answers would be mixed up, and a close by the child would end its parent's."""
    stub.answer = lambda asked: plain_answer(b'"%b"' % asked.target.rpartition("/")[2].encode())
    with Client(stub.address) as consul:
        consul.raw("GET", "/v1/parent")
        with warnings.catch_warnings(action="ignore"):  # of threads, of which the child needs none
            child = os.fork()
        if not child:
            status = 1
            with suppress(BaseException):
                answer = consul.raw("GET", "/v1/child")
                consul.close()
                status = answer.body != b'"child"'
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert consul.raw("GET", "/v1/parent").body == b'"parent"'
    assert [asked.connection for asked in stub.asked] == [0, 1, 0]


class LockServer:
    """Gives a session and the lock to whoever asks; after ``silent`` is set only silence, until it is ``over``."""

    def __init__(self, **headers: str) -> None:
        self.headers = headers
        self.silent = threading.Event()
        self.over = threading.Event()
        self.is_held = False

    def __call__(self, asked: Asked) -> bytes | list[bytes]:
        """One answer."""
        if self.silent.is_set() or "index=" in asked.target:
            self.over.wait(60)
            return [CLOSE]
        if asked.target == "/v1/session/create":
            return plain_answer(b'{"ID":"s"}')
        if "/session/renew/" in asked.target:
            return plain_answer(b'[{"ID":"s","TTL":"2s"}]')
        if asked.method == "PUT":
            self.is_held = self.is_held or "acquire=" in asked.target
            return plain_answer(b"true")
        if not self.is_held:
            return plain_answer(b"[]", 404, **self.headers)
        return plain_answer(b'[{"Key":"l","Flags":3304740253564472344,"Session":"s"}]', **self.headers)


def test_a_lock_is_lost_when_its_session_cannot_be_renewed(make_client: MakeClient, stub: StubAgent) -> None:
    """The agent stalls: after the TTL the servers may give the lock to somebody else, so it must not count as held."""
    stub.answer = server = LockServer(X_Consul_Index="7")
    client = make_client(stub.address, timeout=60.0)
    lock = client.client.lock("l", ttl="2s")
    client.settle(lock.acquire())
    server.silent.set()
    assert client.settle(lock.lost.wait(30))
    server.over.set()
    with pytest.raises(errors.ConsulError):
        client.settle(lock.release())


def test_a_monitor_without_an_index_to_wait_on_does_not_spin(make_client: MakeClient, stub: StubAgent) -> None:
    """A proxy may have dropped the header; then the lock cannot be watched and counts as lost."""
    stub.answer = LockServer()
    client = make_client(stub.address)
    lock = client.client.lock("l", ttl="10s")
    client.settle(lock.acquire())
    assert client.settle(lock.lost.wait(30))
    assert len(stub.asked) < 10
    client.settle(lock.release())


def test_an_index_of_zero_counts_as_one(client: Either, stub: StubAgent) -> None:
    """Waiting on 0 would not wait at all."""
    script = iter(["0", "0", "3"])
    stub.answer = lambda asked: plain_answer(b"null", X_Consul_Index=next(script))
    replies = client.take(2, lambda c: c.watch(get_request("a"), wait=1))
    assert [reply.meta.index for reply in replies] == [1, 3]
    assert "index=1&" in stub.asked[1].target


def test_a_watch_sees_what_changed_while_the_agent_was_away(client: Either, stub: StubAgent) -> None:
    """An agent that came back without its state may reach the same index with another value."""
    known, failed = plain_answer(KEY, X_Consul_Index="5"), plain_answer(b"no", 500)
    script = iter([known, failed, known, failed])
    changed = plain_answer(KEY.replace(b"eA==", b"eQ=="), X_Consul_Index="5")
    stub.answer = lambda asked: next(script, changed)
    replies = client.take(2, lambda c: c.watch(get_request("a"), wait=1))
    assert [reply.value.Value for reply in replies] == [b"x", b"y"]


def test_a_view_that_ended_says_why(client: Either, stub: StubAgent) -> None:
    """A token that was revoked does not come back; to wait for the next value would be to wait for ever."""
    known, refused = plain_answer(KEY, X_Consul_Index="5"), plain_answer(b"no", 403)
    stub.answer = lambda asked: known if len(stub.asked) == 1 else refused
    view = client.client.view(get_request("a"))
    client.settle(view.start())
    for _ in range(2):
        with pytest.raises(errors.PermissionDenied):
            client.settle(view.next(30))
    assert view.value.Value == b"x"
    client.settle(view.stop())


def test_a_session_without_ttl_is_kept_until_its_block_ends(client: Either, stub: StubAgent) -> None:
    """There is nothing to renew, and nothing is lost by that."""
    stub.answer = lambda asked: plain_answer(b'{"ID":"s"}' if "create" in asked.target else b"true")
    kept = client.client.session(ttl=0)
    client.settle(kept.start())
    assert not client.settle(kept.lost.wait(0.05))
    client.settle(kept.stop())
    assert [asked.target for asked in stub.asked] == ["/v1/session/create", "/v1/session/destroy/s"]


@pytest.mark.parametrize("helper", ["lock", "ttl_check"])
def test_what_ended_a_block_is_not_hidden_by_an_agent_that_is_gone(
    make_client: MakeClient, stub: StubAgent, helper: str
) -> None:
    """Giving back fails, too, but the program's own exception (or its cancellation) matters more."""
    is_gone = threading.Event()
    server = LockServer(X_Consul_Index="7")
    stub.answer = lambda asked: plain_answer(b"gone", 500) if is_gone.is_set() else server(asked)
    client = make_client(stub.address)
    entered = getattr(client.client, helper)("l")

    def block() -> None:
        with entered:
            is_gone.set()
            raise ZeroDivisionError

    async def async_block() -> None:
        async with entered:
            is_gone.set()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        client.settle(async_block()) if client.kind == "async" else block()
    server.over.set()


def test_a_check_that_is_gone_need_not_be_failed(make_client: MakeClient, stub: StubAgent) -> None:
    """The program took it, or its service, out of the agent before the block ended."""
    stub.answer = lambda asked: plain_answer(b"") if len(stub.asked) == 1 else plain_answer(b"Unknown check ID", 404)
    client = make_client(stub.address)
    check = client.client.ttl_check("c")
    client.settle(check.start())
    client.settle(check.stop())
    assert '"Status":"critical"' in stub.last.body.decode()


@pytest.mark.parametrize("helper", ["lock", "semaphore"])
def test_to_leave_a_block_does_not_wait_long_for_a_silent_agent(
    make_client: MakeClient, stub: StubAgent, helper: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that runs out of time (``asyncio.timeout``) must get on; the session ends with its TTL."""
    for module in ("keep", "lock", "semaphore", "blocking.keep", "blocking.lock", "blocking.semaphore"):
        monkeypatch.setattr(importlib.import_module(f"pyconsul.sdk.{module}"), "PATIENCE", 0.05)
    stub.answer = server = LockServer(X_Consul_Index="7")
    client = make_client(stub.address, timeout=60.0)
    held = client.client.lock("l") if helper == "lock" else client.client.semaphore("l", 1)
    client.settle(held.acquire())
    server.silent.set()
    with pytest.raises(errors.CoordinationFailed, match="deadline exceeded"):
        client.settle(held.release())
    server.over.set()
