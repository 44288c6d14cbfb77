"""How often a child ends and begins, and what its processes are to the tool."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import pytest

from pyconsul.toolkit import signals
from pyconsul.toolkit.child import Child, ChildSettings, prepared
from pyconsul.toolkit.errors import ChildEnded, RunError
from tests.waiting import comes_true

LOGGER = logging.getLogger("tests.lives")
ENVIRONMENT = dict(os.environ)
FOR_EVER_NS = 10**15
Children = Callable[..., Child]


@pytest.fixture
async def a_child() -> AsyncGenerator[Children]:
    """Makes children; those that still run at the end are stopped."""
    made: list[Child] = []

    def make(*command: str, **settings: Any) -> Child:
        made.append(Child(ChildSettings(command, ENVIRONMENT, **settings), LOGGER))
        return made[-1]

    yield make
    for child in made:
        await child.stop(immediately=True)


@pytest.mark.parametrize("command", [[], [""], ["  "]])
def test_no_words_are_no_command(command: Sequence[str]) -> None:
    """Nor are spaces."""
    with pytest.raises(RunError, match=r"^failed parsing command: executable file not found in \$PATH$"):
        prepared(command)


async def test_a_child_may_end_well(a_child: Children) -> None:
    """Which is told like any other end."""
    child = a_child("true")
    await child.start()
    assert await child.ended == 0
    assert (child.is_running, str(ChildEnded(0))) == (False, "child process exited with code 0")


async def test_only_a_shell_is_the_head_of_a_group(a_child: Children) -> None:
    """A program of its own gets what a terminal sends to the tool's group."""
    plain, shell = a_child("sleep", "1000"), a_child("sleep 1000; true")
    for child in (plain, shell):
        await child.start()
    assert os.getpgid(plain.pid) == os.getpgrp()
    assert os.getpgid(shell.pid) == shell.pid


async def test_a_child_that_has_ended_is_started_again_by_a_change(a_child: Children) -> None:
    """Its first end stays the one that is told, and its second one hurts nobody."""
    child = a_child("true")
    await child.start()
    assert await child.ended == 0
    await child.reload()
    assert child.process is not None
    assert await child.process.wait() == 0


async def test_the_end_of_what_has_ended_is_not_waited_for(a_child: Children, caplog: pytest.LogCaptureFixture) -> None:
    """Nor does anybody wait for the splay then."""
    caplog.set_level(logging.DEBUG)
    child = a_child("true", splay_ns=FOR_EVER_NS)
    await child.start()
    await child.ended
    await child.kill(immediately=False)
    assert "splay. " not in caplog.text and "for random splay" not in caplog.text


async def test_a_restart_waits_for_a_random_part_of_the_splay(
    a_child: Children, caplog: pytest.LogCaptureFixture
) -> None:
    """So that not all tools take their children away at once."""
    caplog.set_level(logging.DEBUG)
    child = a_child("sleep", "1000", splay_ns=FOR_EVER_NS)
    await child.start()
    restart = asyncio.create_task(child.reload())
    await comes_true(lambda: "for random splay" in caplog.text)
    (seconds,) = re.findall(r"waiting ([0-9.]+)s for random splay", caplog.text)
    assert 1 < float(seconds) < FOR_EVER_NS / 1e9
    restart.cancel()


def test_signals_are_described_as_the_system_does() -> None:
    """In lower case, as Go prints them."""
    assert [signals.describe(n) for n in (signal.SIGHUP, signal.SIGUSR1)] == ["hangup", "user defined signal 1"]


async def test_a_child_that_runs_as_somebody_else_gets_no_signal_and_is_waited_for(
    a_child: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one behind sudo: the system refuses, and the tool has its time limit."""

    def refuse(_pid: int, _number: int) -> None:
        raise PermissionError

    child = a_child("sleep 3600; true", kill_signal=signal.SIGKILL)
    await child.start()
    with monkeypatch.context() as patched:
        patched.setattr(os, "killpg", refuse)
        await child.signal(signal.SIGTERM)
        assert child.is_running
