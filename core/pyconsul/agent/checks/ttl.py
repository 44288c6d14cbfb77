"""TTL checks: nobody probes; whoever does not report in time is critical. No I/O, time is an argument."""

from __future__ import annotations

from typing import Final

from pyconsul.agent.checks.outputs import as_text
from pyconsul.telemetry import logger

__all__ = ["TtlCheck"]

_EXPIRED: Final = "TTL expired"
_log = logger("agent")


class TtlCheck:
    """One check that must hear from its service every ``ttl`` seconds."""

    __slots__ = ("_last", "_limit", "check_id", "deadline", "ttl")

    def __init__(self, check_id: str, ttl: float, output_limit: int, now: float) -> None:
        self.check_id = check_id
        self.ttl = ttl
        self.deadline = now + ttl
        self._limit = output_limit
        self._last = ""

    def report(self, status: str, output: str, now: float) -> str:
        """Take a report and start the time anew; returns the output as it is kept."""
        _log.debug("Check status updated", check=self.check_id, status=status)
        data = output.encode("utf-8", "surrogateescape")
        if len(data) > self._limit:
            kept = as_text(data[: self._limit])
            output = f"{kept} ... (captured {self._limit} of {len(data)} bytes)"
        self._last = output
        self.deadline = now + self.ttl
        return output

    def expire(self) -> str:
        """The time is over; returns the output that says so."""
        _log.warn("Check missed TTL, is now critical", check=self.check_id)
        if not self._last:
            return _EXPIRED
        return f"{_EXPIRED} (last output before timeout follows): {self._last}"
