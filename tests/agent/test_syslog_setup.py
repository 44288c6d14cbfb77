"""A syslog daemon that comes up after the agent is waited for, and given up in Consul's words."""

import asyncio

import pytest

from pyconsul.agent.syslog_setup import first_that_opens
from pyconsul.telemetry.logging import LogSink, Monitor


class Daemon:
    """Opens a sink from the try after ``failures`` on."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.tries = 0

    def open(self) -> LogSink:
        """A sink, or an error."""
        self.tries += 1
        if self.tries <= self.failures:
            raise FileNotFoundError(2, "No such file or directory")
        return Monitor()


async def never() -> None:
    """No signal comes."""
    await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("failures", [0, 1, 12])
async def test_a_daemon_that_comes_late_is_used(failures: int) -> None:
    """As long as it is there at the last try."""
    daemon = Daemon(failures)
    assert isinstance(await first_that_opens(daemon.open, never, delay=0), Monitor)
    assert daemon.tries == failures + 1


async def test_a_daemon_that_never_comes_is_given_up() -> None:
    """After a minute."""
    daemon = Daemon(99)
    with pytest.raises(OSError, match=r"^Syslog setup did not succeed within timeout \(1m0s\)\.$"):
        await first_that_opens(daemon.open, never, delay=0)
    assert daemon.tries == 13


async def test_a_signal_ends_the_wait() -> None:
    """Nobody has to wait for the minute to pass."""
    stopped = asyncio.Event()
    stopped.set()
    with pytest.raises(InterruptedError):
        await first_that_opens(Daemon(99).open, stopped.wait, delay=600)
