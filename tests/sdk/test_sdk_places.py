"""Many requests at once: so many are under way as agents bear, and what they refuse is asked again."""

from __future__ import annotations

import asyncio
import gc
import io
import threading
from collections.abc import Awaitable, Callable

import pytest

from pyconsul.sdk import AsyncClient, QueryOptions, Settings, errors
from pyconsul.sdk.kv import get_request
from tests.sdk.conftest import FAST, KEY, Asked, Either, MakeClient, StubAgent, plain_answer, the_key
from tests.waiting import LIMIT


async def test_requests_wait_for_a_place(stub: StubAgent) -> None:
    """No more connections are made than are allowed."""
    both_are_there = threading.Barrier(2)

    def answer(asked: Asked) -> bytes:
        if len(stub.asked) <= 2:
            both_are_there.wait(LIMIT)
        return plain_answer(b"true")

    stub.answer = answer
    async with AsyncClient(Settings(address=stub.address, connections=2)) as consul:
        assert all(await asyncio.gather(*(consul.kv.put("a", str(n)) for n in range(20))))
    assert len({asked.connection for asked in stub.asked}) == 2
    assert len(stub.asked) == 20


BLOCKING: list[Callable[[AsyncClient], Awaitable[object]]] = [
    lambda c: c.ask(get_request("a"), QueryOptions(index=1)),
    lambda c: c.raw("GET", "/v1/kv/a", {"index": "1"}),
]


@pytest.mark.parametrize("ask", BLOCKING, ids=["options", "params"])
async def test_blocking_queries_take_no_place(stub: StubAgent, ask: Callable[[AsyncClient], Awaitable[object]]) -> None:
    """Else watches would hold up all else."""
    has_changed = threading.Event()

    def answer(asked: Asked) -> bytes:
        if "index=1" in asked.target:
            has_changed.wait(LIMIT)
            return plain_answer(KEY, X_Consul_Index="2")
        return plain_answer(KEY, X_Consul_Index="1")

    stub.answer = answer
    async with AsyncClient(Settings(address=stub.address, connections=1)) as consul:
        waiting = asyncio.ensure_future(ask(consul))
        await consul.kv.get("a")
        await consul.kv.get("a")
        assert not waiting.done()
        has_changed.set()
        assert await waiting


async def test_a_timeout_counts_while_waiting_for_a_place(stub: StubAgent) -> None:
    """And who has waited in vain, or was cancelled, leaves the place to others."""
    gate = threading.Event()

    def answer(asked: Asked) -> bytes:
        gate.wait(LIMIT)
        return the_key(asked)

    stub.answer = answer
    async with AsyncClient(Settings(address=stub.address, connections=1)) as consul:
        first = asyncio.create_task(consul.kv.get("a"))
        await asyncio.sleep(0)
        with pytest.raises(errors.TransportError, match="deadline exceeded") as caught:
            await consul.kv.get("b", QueryOptions(timeout=0.01))
        assert caught.value.timed_out
        cancelled = asyncio.create_task(consul.kv.get("c"))
        await asyncio.sleep(0)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        gate.set()
        assert await first is not None
        assert await consul.kv.get("d") is not None
    assert [asked.target for asked in stub.asked] == ["/v1/kv/a", "/v1/kv/d"]


def test_each_loop_has_places_of_its_own(stub: StubAgent) -> None:
    """A client that is used in one after the other waits in both."""
    stub.answer = the_key
    consul = AsyncClient(Settings(address=stub.address, connections=1))

    async def many(closes: bool) -> None:
        await asyncio.gather(*(consul.kv.get("a") for _ in range(3)))
        if closes:
            await consul.aclose()

    with pytest.warns(ResourceWarning):  # of the first loop, which ended with a kept connection
        asyncio.run(many(False))
        asyncio.run(many(True))
        gc.collect()
    assert len(stub.asked) == 6


def test_a_refused_write_is_tried_again(client: Either, stub: StubAgent) -> None:
    """The agent has not even looked at it."""
    stub.answer = lambda asked: plain_answer(b"true") if len(stub.asked) == 3 else plain_answer(b"busy", 429)
    assert client(lambda c: c.kv.put("a", b"x"))
    assert [asked.body for asked in stub.asked] == [b"x"] * 3


def test_a_refused_upload_is_not_tried_again(make_client: MakeClient, stub: StubAgent) -> None:
    """Its beginning has been read already."""
    stub.answer = lambda asked: plain_answer(b"busy", 429)
    with pytest.raises(errors.TooManyRequests):
        make_client(stub.address, retry=FAST)(lambda c: c.snapshot.restore(io.BytesIO(b"x")))
    assert len(stub.asked) == 1
