"""Coordinates on their way into the log: the newest of each node, in batches, and no more than a period may bring."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from pyconsul.server.leader.coordinates import BATCH_SIZE, MAX_BATCHES, UPDATE_PERIOD, CoordinateBatches
from pyconsul.structs.coordinate import ORIGIN, NodeCoordinate
from tests.leader.conftest import Log
from tests.waiting import comes_true


@pytest.fixture
def log() -> Log:
    """One that takes everything."""
    return Log()


def batches(log: Any) -> CoordinateBatches:
    """What waits for this log."""
    return CoordinateBatches(log)


def update(node: str, segment: str = "") -> NodeCoordinate:
    """A coordinate of a node."""
    return NodeCoordinate(Node=node, Segment=segment, Coord=ORIGIN)


async def test_the_newest_coordinate_of_a_node_and_segment_is_written(
    log: Log, skip_time: Callable[[float], None]
) -> None:
    """One entry has those of all nodes that came since the last one."""
    waiting = batches(log)
    updates = [update("a"), update("b"), update("a"), update("a", "east")]
    for one in updates:
        waiting.add(one)
    skip_time(UPDATE_PERIOD)
    await comes_true(lambda: log.written)
    assert [[(one.Node, one.Segment) for one in batch] for batch in log.written] == [
        [("a", ""), ("b", ""), ("a", "east")]
    ]
    assert log.written[0][0] is updates[2]


async def test_nothing_is_written_before_its_time(log: Log, skip_time: Callable[[float], None]) -> None:
    """The clock starts with the first coordinate; the next one starts it again."""
    waiting = batches(log)
    waiting.add(update("a"))
    skip_time(UPDATE_PERIOD - 1)
    await asyncio.sleep(0)
    waiting.add(update("b"))
    assert log.written == []
    skip_time(1)
    await comes_true(lambda: len(log.written) == 1)
    waiting.add(update("c"))
    skip_time(UPDATE_PERIOD)
    await comes_true(lambda: len(log.written) == 2)
    assert [len(batch) for batch in log.written] == [2, 1]


@pytest.mark.parametrize(
    ("many", "sizes"),
    [
        (BATCH_SIZE, [BATCH_SIZE]),
        (BATCH_SIZE + 1, [BATCH_SIZE, 1]),
        (BATCH_SIZE * MAX_BATCHES + 1, [BATCH_SIZE] * MAX_BATCHES),
    ],
)
async def test_a_period_brings_so_many_batches_and_no_more(
    log: Log, skip_time: Callable[[float], None], many: int, sizes: list[int]
) -> None:
    """The nodes whose coordinates are dropped send them again."""
    waiting = batches(log)
    for number in range(many):
        waiting.add(update(str(number)))
    skip_time(UPDATE_PERIOD)
    await comes_true(lambda: len(log.written) == len(sizes))
    assert [len(batch) for batch in log.written] == sizes


async def test_what_is_behind_a_batch_that_failed_is_dropped(skip_time: Callable[[float], None]) -> None:
    """And the next period begins anew."""
    log = Log(bad=range(2, 3))
    waiting = batches(log)
    for number in range(3 * BATCH_SIZE):
        waiting.add(update(str(number)))
    skip_time(UPDATE_PERIOD)
    await comes_true(lambda: len(log.tried) == 2)
    waiting.add(update("late"))
    skip_time(UPDATE_PERIOD)
    await comes_true(lambda: len(log.written) == 2)
    assert [one.Node for one in log.written[1]] == ["late"]


async def test_a_leader_that_stops_forgets_what_waits(log: Log, skip_time: Callable[[float], None]) -> None:
    """A later one writes what comes then, and nothing else."""
    waiting = batches(log)
    waiting.add(update("old"))
    waiting.stop()
    waiting.add(update("new"))
    skip_time(UPDATE_PERIOD)
    await comes_true(lambda: log.written)
    assert [one.Node for one in log.written[0]] == ["new"]
