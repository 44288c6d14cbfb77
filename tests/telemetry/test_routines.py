"""Background work that meets a fault of ours: the log tells, and the work goes on."""

import asyncio
from collections.abc import Iterator

import pytest

from pyconsul.telemetry import logging
from pyconsul.telemetry.logging import logger
from pyconsul.telemetry.routines import Routine, report_lost_errors
from tests.waiting import comes_true

LOG = logger("agent.test")


@pytest.fixture
def lines() -> Iterator[logging.Monitor]:
    """What the log says."""
    monitor = logging.Monitor(logging.Level.DEBUG)
    monitor.start()
    yield monitor
    monitor.stop()


async def test_work_that_fails_begins_anew(lines: logging.Monitor) -> None:
    """The log has the fault, and for who debugs the place."""
    turns: list[int] = []

    async def work() -> None:
        turns.append(len(turns))
        if len(turns) < 3:
            raise KeyError("an odd row")
        await asyncio.Event().wait()

    routine = Routine("odd work", work, LOG, pause=0)
    routine.start()
    await comes_true(lambda: len(turns) == 3)
    await routine.stopped()
    told = lines.take()
    assert told.count('[ERROR] agent.test: Unexpected error in the background: work="odd work"') == 2
    assert "KeyError('an odd row')" in told
    assert "test_routines.py" in told


async def test_a_stop_reaches_work_that_is_under_way() -> None:
    """It lets go of what it holds before ``stopped`` returns, also while it waits to begin anew."""
    begun, held = asyncio.Event(), ["a lock"]

    async def work() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            held.clear()

    routine = Routine("work", work, LOG)
    routine.start()
    await begun.wait()
    assert routine.is_running
    await routine.stopped()
    assert not held
    assert not routine.is_running


async def test_a_routine_can_be_started_again_and_stopped_before_its_start() -> None:
    """A leader is one more than once."""
    turns: list[None] = []

    async def work() -> None:
        turns.append(None)

    routine = Routine("work", work, LOG)
    await routine.stopped()
    for count in (1, 2):
        routine.start()
        await comes_true(lambda: len(turns) == count and not routine.is_running)  # noqa: B023 - waited for in here


async def test_what_nobody_waits_for_is_in_the_log(lines: logging.Monitor) -> None:
    """Instead of in Python's own words on standard error."""

    async def lost() -> None:
        raise KeyError("lost")

    def callback() -> None:
        raise KeyError("callback")

    loop = asyncio.get_running_loop()
    report_lost_errors(LOG)
    loop.call_soon(callback)
    task = asyncio.create_task(lost())
    await asyncio.wait({task})
    del task
    loop.call_exception_handler({"message": "a server was never closed"})
    told = lines.take()
    assert "KeyError('callback')" in told
    assert "KeyError('lost')" in told
    assert 'work="a server was never closed"' in told
