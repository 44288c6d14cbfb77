"""Children of tasks that may be cancelled at any time."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop

from pyconsul.primitives.spawning import spawn
from tests.waiting import until


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_who_is_cancelled_while_a_child_starts_leaves_nothing_of_it(
    run: Callable[[Coroutine[Any, Any, None]], None], tmp_path: Path
) -> None:
    """Nor of what it started: it ran before anybody here was told."""
    started = tmp_path / "started"
    os.mkfifo(tmp_path / "gate")
    script = f"cat {tmp_path}/gate & echo $! > {started}; wait"

    async def story() -> None:
        starting = asyncio.create_task(spawn("sh", "-c", script, start_new_session=True, stdin=DEVNULL, stdout=PIPE))
        for _ in range(2):  # the steps of the task and of the one that it begins, and no more
            await asyncio.sleep(0)
        until(lambda: started.exists() and started.read_text().endswith("\n"))
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    run(story())
    until(lambda: not psutil.pid_exists(int(started.read_text())))
