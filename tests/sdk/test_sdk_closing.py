"""A client that was closed is closed: what is under way ends, and nothing is asked any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pyconsul.sdk import AsyncClient, Client, QueryOptions, errors
from pyconsul.sdk.kv import get_request
from tests.sdk.conftest import KEY, Asked, Either, StubAgent, plain_answer, the_key
from tests.waiting import LIMIT


class Silent:
    """An agent that answers the first look at a key, and holds every later one back until the test is over."""

    def __init__(self, stub: StubAgent) -> None:
        self.is_over = threading.Event()
        self.is_asked = threading.Event()
        stub.answer = self.answer

    def answer(self, asked: Asked) -> bytes:
        """The same key each time."""
        if "index=" in asked.target:
            self.is_asked.set()
            self.is_over.wait(LIMIT)
        return plain_answer(KEY, X_Consul_Index="1")


@pytest.fixture
def silent(stub: StubAgent) -> Iterator[Silent]:
    """The scripted agent as one of those."""
    agent = Silent(stub)
    yield agent
    agent.is_over.set()


def close(client: Either) -> None:
    """As its owner does."""
    client.settle(client.client.close() if client.kind == "blocking" else client.client.aclose())


def test_a_closed_client_asks_nothing(client: Either, stub: StubAgent) -> None:
    """Neither plain requests nor streams; to close it once more is no error."""
    stub.answer = the_key
    client(lambda c: c.kv.get("a"))
    close(client)
    works: list[Callable[[Any], Any]] = [
        lambda c: c.kv.get("a"),
        lambda c: c.raw("GET", "/", stream=True),
        lambda c: c.kv.put("a", b""),
    ]
    for work in works:
        with pytest.raises(errors.ClientClosed, match="the client is closed"):
            client(work)
    assert len(stub.asked) == 1


async def test_a_task_that_watches_ends_with_its_client(stub: StubAgent, silent: Silent) -> None:
    """At once, by an error that is not tried again; so does a request that waits for its answer."""
    consul = AsyncClient(stub.address)
    watch = consul.watch(get_request("a"))
    await anext(watch)

    async def following() -> object:
        return await anext(watch)

    async def waits() -> object:
        return await consul.ask(get_request("a"), QueryOptions(index=1))

    waiting = [asyncio.create_task(following()), asyncio.create_task(waits())]
    await asyncio.to_thread(silent.is_asked.wait, LIMIT)
    await consul.aclose()
    async with asyncio.timeout(LIMIT):
        ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in ended] == [errors.ClientClosed] * 2


def test_a_thread_that_watches_ends_with_its_client(stub: StubAgent, silent: Silent) -> None:
    """That is how a program ends its threads."""
    consul, told = Client(stub.address), list[BaseException]()

    def follow() -> None:
        try:
            for _ in consul.watch(get_request("a")):
                pass
        except errors.ClientClosed as error:
            told.append(error)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    assert silent.is_asked.wait(LIMIT)
    consul.close()
    thread.join(LIMIT)
    assert len(told) == 1


def test_a_view_is_over_with_its_client(client: Either, stub: StubAgent, silent: Silent) -> None:
    """Its last value stays."""
    view: Any = client.client.view(get_request("a"))
    client(lambda _: view.start())
    close(client)
    with pytest.raises(errors.ClientClosed):
        client(lambda _: view.next())
    assert view.value.Key == "a"
    client(lambda _: view.stop())


def test_a_connection_that_is_being_made_meanwhile_is_given_up(stub: StubAgent) -> None:
    """By a thread that began before the client was closed."""
    stub.answer = the_key
    consul = Client(stub.address)
    dial = consul._transport._dial  # pyright: ignore[reportPrivateUsage]

    def slowly() -> Any:
        made = dial()
        consul.close()
        return made

    consul._transport._dial = slowly  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(errors.ClientClosed):
        consul.kv.get("a")
    assert not stub.asked
