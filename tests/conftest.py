"""What all tests share: in CI the property tests try the same examples every time, and no process outlives its test."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from subprocess import Popen
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
if os.environ.get("CI") == "true":
    settings.load_profile("ci")


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
