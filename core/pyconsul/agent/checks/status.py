"""Thresholds: how many results in a row it takes until a check's status changes. No I/O."""

from __future__ import annotations

from pyconsul.structs.health import PASSING, WARNING
from pyconsul.telemetry import logger

__all__ = ["StatusHandler"]

_log = logger("agent")


class StatusHandler:
    """Counts successes (passing and warning both count) and failures of one check.

    The counters start full, so that the first result applies at once.
    """

    __slots__ = ("_failures", "_for_critical", "_for_passing", "_for_warning", "_successes", "check_id")

    def __init__(self, check_id: str, success_before_passing: int, before_warning: int, before_critical: int) -> None:
        self.check_id = check_id
        self._for_passing = success_before_passing
        self._for_warning = before_warning
        self._for_critical = before_critical
        self._successes = success_before_passing
        self._failures = before_critical

    def judge(self, status: str) -> str | None:
        """The status to set after this result, or None when it is not time for a change yet."""
        if status in (PASSING, WARNING):
            return self._success(status)
        return self._failure(status)

    def _success(self, status: str) -> str | None:
        self._successes += 1
        self._failures = 0
        if self._successes >= self._for_passing:
            _log.debug("Check status updated", check=self.check_id, status=status)
            return status
        _log.warn(
            "Check passed but has not reached success threshold",
            check=self.check_id,
            status=status,
            success_count=self._successes,
            success_threshold=self._for_passing,
        )
        return None

    def _failure(self, status: str) -> str | None:
        self._failures += 1
        self._successes = 0
        if self._failures >= self._for_critical:
            _log.warn("Check is now critical", check=self.check_id)
            return status
        if self._failures >= self._for_warning:
            _log.warn("Check is now warning", check=self.check_id)
            return WARNING
        _log.warn(
            "Check failed but has not reached warning/failure threshold",
            check=self.check_id,
            status=status,
            failure_count=self._failures,
            warning_threshold=self._for_warning,
            failure_threshold=self._for_critical,
        )
        return None
