"""Whatever await a program is cancelled at, it leaves no session, no key and no task behind."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any

import pytest

from pyconsul.sdk import AsyncClient
from pyconsul.sdk.kv import get_request
from pyconsul.testing import InProcessAgent

Scenario = Callable[[AsyncClient, str], Coroutine[Any, Any, None]]


async def a_session(consul: AsyncClient, session: str) -> None:
    """A session for a block."""
    async with consul.session(ttl=10):
        await asyncio.sleep(0)


async def a_lock(consul: AsyncClient, session: str) -> None:
    """A lock with a session of its own."""
    async with consul.lock("key"):
        await asyncio.sleep(0)


async def a_lock_over_a_session(consul: AsyncClient, session: str) -> None:
    """A lock with a session that goes on after it."""
    async with consul.lock("key", session=session):
        await asyncio.sleep(0)


async def a_semaphore(consul: AsyncClient, session: str) -> None:
    """A slot with a session of its own."""
    async with consul.semaphore("slots", 2):
        await asyncio.sleep(0)


async def a_semaphore_over_a_session(consul: AsyncClient, session: str) -> None:
    """A slot with a session that goes on after it."""
    async with consul.semaphore("slots", 2, session=session):
        await asyncio.sleep(0)


async def an_election(consul: AsyncClient, session: str) -> None:
    """A leader."""
    async with consul.leader_election("lead") as election:
        await election.elected.wait()


async def a_view(consul: AsyncClient, session: str) -> None:
    """A value that is followed."""
    async with consul.view(get_request("key")):
        await asyncio.sleep(0)


class CancelledAt:
    """Awaits ``work``, whose task is cancelled just before it waits for the ``turn``-th time."""

    def __init__(self, work: Awaitable[None], turn: int) -> None:
        self.waits = 0
        self._work = work
        self._turn = turn

    def __await__(self) -> Generator[Any, Any, None]:
        inner = self._work.__await__()
        error: BaseException | None = None
        while True:
            try:
                future = inner.send(None) if error is None else inner.throw(error)
            except StopIteration:
                return
            error = None
            self.waits += 1
            task = asyncio.current_task()
            if self.waits == self._turn and task is not None:
                task.cancel()
            try:
                yield future
            except BaseException as thrown:
                error = thrown


@pytest.mark.parametrize(
    "scenario",
    [a_session, a_lock, a_lock_over_a_session, a_semaphore, a_semaphore_over_a_session, an_election, a_view],
)
async def test_nothing_stays_behind_wherever_a_program_is_cancelled(
    consul_agent: InProcessAgent, scenario: Scenario
) -> None:
    """Each run is cancelled one await later, until one is not cancelled any more."""
    async with consul_agent.async_client() as watcher:
        given = await watcher.session.create(ttl=60)
        turn, was_cancelled = 0, True
        while was_cancelled:
            turn += 1
            before = asyncio.all_tasks()
            async with consul_agent.async_client() as consul:
                was_cancelled = await ended_at(scenario(consul, given), turn)
            assert asyncio.all_tasks() == before, turn
            assert [session.ID for session in await watcher.session.list()] == [given], turn
            entries = await watcher.kv.list()
            assert not [entry.Key for entry in entries if entry.Session or given.encode() in (entry.Value or b"")], turn
    assert turn > 1


async def ended_at(work: Awaitable[None], turn: int) -> bool:
    """Run work to its end; True if it had to be cancelled for it."""
    cancelled = CancelledAt(work, turn)

    async def run() -> None:
        await cancelled

    task = asyncio.create_task(run())
    async with asyncio.timeout(30):
        await asyncio.wait({task})
    assert task.cancelled() or task.exception() is None
    return cancelled.waits >= turn
