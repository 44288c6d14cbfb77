"""Signals that come while an agent still starts, which takes long with a long log."""

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

from pyconsul.agent.command import Signals, started
from tests.waiting import comes_true

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SlowAgent:
    """Starts when told; ``steps`` says what became of it."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.may_start = asyncio.Event()

    async def start(self) -> None:
        """Wait to be told."""
        self.steps.append("starting")
        try:
            await self.may_start.wait()
        except asyncio.CancelledError:
            self.steps.append("given up")
            raise
        self.steps.append("started")

    async def stop(self) -> None:
        """Note it."""
        self.steps.append("stopped")


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Those of the test run come back."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_start_is_given_up(number: signal.Signals) -> None:
    """It does not go on to its end first."""
    agent, signals = SlowAgent(), Signals()
    starting = asyncio.ensure_future(started(agent, signals))
    await comes_true(lambda: agent.steps)
    os.kill(os.getpid(), number)
    assert await starting is False
    assert agent.steps == ["starting", "given up"]


async def test_there_is_nothing_to_reload_yet() -> None:
    """SIGHUP, which would end a program without a handler, changes nothing."""
    agent, signals = SlowAgent(), Signals()
    starting = asyncio.ensure_future(started(agent, signals))
    await comes_true(lambda: agent.steps)
    os.kill(os.getpid(), signal.SIGHUP)
    await asyncio.sleep(0)
    agent.may_start.set()
    assert await starting is True
    assert agent.steps == ["starting", "started"]
