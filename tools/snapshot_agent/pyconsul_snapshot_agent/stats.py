"""What the tool has done so far, as numbers: for the status endpoint and for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from pyconsul.toolkit.status import Metric, single


class TargetStats(msgspec.Struct):
    """One destination: attempts that failed, archives that were deleted, archives that are there (-1: unknown)."""

    failed_attempts: int = 0
    deleted: int = 0
    stored: int = -1


class Stats(msgspec.Struct):
    """One run of the tool. Times are Unix seconds, 0 for never; ``problem`` is the present one, "" for none."""

    is_leader: bool = False
    snapshots: int = 0
    failures: int = 0
    last_id: int = 0
    last_success: float = 0.0
    last_seconds: float = 0.0
    last_bytes: int = 0
    problem: str = ""
    targets: dict[str, TargetStats] = msgspec.field(default_factory=dict[str, TargetStats])

    def target(self, where: str) -> TargetStats:
        """The numbers of one destination."""
        return self.targets.setdefault(where, TargetStats())


class StatsStatus:
    """The numbers as the status endpoint's subject (``toolkit.status.Subject``)."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats

    def problem(self) -> str:
        """The present one."""
        return self._stats.problem

    def state(self) -> dict[str, Any]:
        """All numbers."""
        return msgspec.to_builtins(self._stats)

    def metrics(self) -> Iterator[Metric]:
        """The numbers for Prometheus."""
        stats = self._stats
        for name, kind, value in (
            ("leader", "gauge", int(stats.is_leader)),
            ("snapshots_total", "counter", stats.snapshots),
            ("failures_total", "counter", stats.failures),
            ("healthy", "gauge", int(not stats.problem)),
            ("last_success_timestamp_seconds", "gauge", round(stats.last_success, 3)),
            ("last_duration_seconds", "gauge", round(stats.last_seconds, 3)),
            ("last_size_bytes", "gauge", stats.last_bytes),
        ):
            yield single(f"consul_snapshot_agent_{name}", kind, value)
        for name, kind in (("failed_attempts", "counter"), ("deleted", "counter"), ("stored", "gauge")):
            full = f"consul_snapshot_agent_destination_{name}{'_total' if kind == 'counter' else ''}"
            yield Metric(full, kind, [({"destination": w}, getattr(t, name)) for w, t in stats.targets.items()])
