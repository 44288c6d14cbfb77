"""What all tests share: property tests try the same examples every time, and no process outlives its test.

``NEW_EXAMPLES=1`` makes the property tests try new ones.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from subprocess import Popen
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair.
settings.register_profile("new", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("new"), derandomize=True)
settings.load_profile("new" if os.environ.get("NEW_EXAMPLES") == "1" else "same")

# The servers of the tests are on this machine, which not every library asks directly where there is a proxy.
for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
    os.environ.pop(name, None)
    os.environ.pop(name.lower(), None)

# Who starts tests in the background may leave these ignored. Children inherit that, and a shell cannot trap them then.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


@pytest.fixture
def start_process() -> Iterator[Callable[..., Popen[Any]]]:
    """Starts processes as Popen does; at the end of the test, however it ends, they and their children are killed."""
    started: list[Popen[Any]] = []

    def start(command: Sequence[str], **options: Any) -> Popen[Any]:
        started.append(Popen(command, start_new_session=True, **options))
        return started[-1]

    yield start
    for process in started:
        with process, suppress(ProcessLookupError):  # the process as a context is reaped, and its pipes are closed
            os.killpg(process.pid, signal.SIGKILL)


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the local time zone."""

    def put(name: str) -> None:
        monkeypatch.setenv("TZ", name)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def utc(zone: Callable[[str], None]) -> None:
    """The local time zone is UTC."""
    zone("UTC")


@pytest.fixture
def no_umask() -> Iterator[None]:
    """Nothing is taken from the mode that new files are to have."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
async def skip_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Puts the clock of the test's event loop forward by seconds: what waits that long is over at once."""
    loop = asyncio.get_running_loop()
    skipped = [0.0]
    real_time = loop.time
    monkeypatch.setattr(loop, "time", lambda: real_time() + sum(skipped))
    return skipped.append
