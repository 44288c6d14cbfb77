"""Children that have what Go's children have, of tasks that may be cancelled at any time."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop

from pyconsul.primitives.spawning import PipedProcess, spawn
from tests.waiting import until

Run = Callable[[Coroutine[Any, Any, None]], None]
on_both_loops = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


@on_both_loops
def test_who_is_cancelled_while_a_child_starts_leaves_nothing_of_it(run: Run, tmp_path: Path) -> None:
    """Nor of what it started: it ran before anybody here was told."""
    started = tmp_path / "started"
    os.mkfifo(tmp_path / "gate")

    async def story() -> None:
        starting = asyncio.create_task(_shell(f"cat {tmp_path}/gate & echo $! > {started}; wait"))
        await asyncio.sleep(0)  # the first step of the task, and no more
        until(lambda: started.exists() and started.read_text().endswith("\n"))
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting

    run(story())
    until(lambda: not psutil.pid_exists(int(started.read_text())))


@on_both_loops
@pytest.mark.parametrize("turns", [1, 99], ids=["while it starts", "while it runs"])
def test_a_child_may_outlive_who_waits_for_it(run: Run, tmp_path: Path, turns: int) -> None:
    """It finds the end of its input, and goes on."""
    started, told = tmp_path / "started", tmp_path / "told"
    script = f"echo > {started}; cat; echo > {told}"

    async def wait_for_it() -> None:
        async with await _shell(script, stdin=subprocess.PIPE, outlives=True) as child:
            await child.wait()

    async def story() -> None:
        waiting = asyncio.create_task(wait_for_it())
        for _ in range(turns):
            await asyncio.sleep(0)
        until(started.exists)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    run(story())
    until(told.exists)


@on_both_loops
def test_the_end_of_a_child_closes_pipes_that_others_still_hold(run: Run, tmp_path: Path) -> None:
    """Somebody who left its group cannot be killed with it; the loop must come to a clean end all the same."""
    started = tmp_path / "started"
    os.mkfifo(tmp_path / "gate")
    script = f"setsid sh -c 'echo $$ > {started}; cat {tmp_path}/gate' <&0 & wait"

    async def story() -> None:
        child = await _shell(script, stdin=subprocess.PIPE)
        assert child.stdin is not None
        child.stdin.write(bytes(1 << 20))  # more than the pipe takes
        with pytest.raises(ZeroDivisionError):
            async with child:
                until(lambda: started.exists() and started.read_text().endswith("\n"))
                raise ZeroDivisionError
        assert await child.wait() == -signal.SIGKILL
        assert await child.stdout.read() == b""

    run(story())
    os.killpg(int(started.read_text()), signal.SIGKILL)


@on_both_loops
def test_a_script_may_leave_a_daemon_behind(run: Run, tmp_path: Path) -> None:
    """It keeps nothing of the script's open, so that there is an end to what the script says; and it lives on."""
    os.mkfifo(tmp_path / "gate")
    left: list[int] = []

    async def story() -> None:
        async with await _shell(f"cat {tmp_path}/gate >/dev/null 2>&1 & echo $!") as child:
            left.append(int(await child.stdout.read()))
            assert await child.wait() == 0

    run(story())
    assert psutil.Process(left[0]).is_running()
    os.kill(left[0], signal.SIGKILL)


@on_both_loops
def test_a_script_opens_its_outputs_by_name(run: Run) -> None:
    """As ``/dev/stdout``, which a socket cannot be."""

    async def story() -> None:
        async with await _shell("echo out > /dev/stdout; echo error > /dev/stderr") as child:
            assert await child.stdout.read() == b"out\nerror\n"
            assert await child.wait() == 0

    run(story())


@on_both_loops
def test_a_child_has_no_open_files_but_its_own(run: Run) -> None:
    """Neither the parent's nor those that other children talk through."""

    async def story() -> None:
        async with await _shell("cat", stdin=subprocess.PIPE) as other:
            async with await _shell("exec ls /proc/self/fd") as child:
                assert (await child.stdout.read()).split() == [b"0", b"1", b"2", b"3"]  # the last is that of ls
                assert await child.wait() == 0
            assert other.stdin is not None
            other.stdin.close()
            assert await other.stdout.read() == b""
            assert await other.wait() == 0

    run(story())


async def _shell(script: str, **options: Any) -> PipedProcess:
    return await spawn(["sh", "-c", script], **options)
