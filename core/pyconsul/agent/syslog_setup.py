"""Syslog at the start of an agent: a daemon that comes up later than the agent is waited for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

from pyconsul.primitives.durations import format_duration
from pyconsul.telemetry.logging import LogSink

RETRIES: Final = 12  # Consul's
DELAY: Final = 5  # seconds between two tries, Consul's


async def first_that_opens(
    open_sink: Callable[[], LogSink], stop: Callable[[], Awaitable[object]], *, delay: float = DELAY
) -> LogSink:
    """The sink of the first try that raises neither OSError nor ValueError.

    Raises OSError: in Consul's words after the last try, and as soon as ``stop()`` returns.
    """
    for _ in range(RETRIES):
        with contextlib.suppress(OSError, ValueError):
            return open_sink()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop(), delay)
            raise InterruptedError("Startup was interrupted")
    try:
        return open_sink()
    except (OSError, ValueError) as error:
        waited = format_duration(RETRIES * DELAY * 1_000_000_000)
        raise OSError(f"Syslog setup did not succeed within timeout ({waited}).") from error
