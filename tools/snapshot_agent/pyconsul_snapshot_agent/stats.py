"""What the tool has done so far, as numbers: for the status endpoint and for Prometheus."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class TargetStats:
    """One destination: attempts that failed, archives that were deleted, archives that are there (-1: unknown)."""

    failed_attempts: int = 0
    deleted: int = 0
    stored: int = -1


@dataclass(slots=True)
class Stats:
    """One run of the tool. Times are Unix seconds, 0 for never; ``problem`` is the present one, "" for none."""

    is_leader: bool = False
    snapshots: int = 0
    failures: int = 0
    last_id: int = 0
    last_success: float = 0.0
    last_seconds: float = 0.0
    last_bytes: int = 0
    problem: str = ""
    targets: dict[str, TargetStats] = field(default_factory=dict[str, TargetStats])

    def target(self, where: str) -> TargetStats:
        """The numbers of one destination."""
        return self.targets.setdefault(where, TargetStats())


def prometheus(stats: Stats) -> str:
    """The numbers in Prometheus' text format."""
    rows = (
        ("leader", "gauge", int(stats.is_leader)),
        ("snapshots_total", "counter", stats.snapshots),
        ("failures_total", "counter", stats.failures),
        ("healthy", "gauge", int(not stats.problem)),
        ("last_success_timestamp_seconds", "gauge", round(stats.last_success, 3)),
        ("last_duration_seconds", "gauge", round(stats.last_seconds, 3)),
        ("last_size_bytes", "gauge", stats.last_bytes),
    )
    out: list[str] = []
    for name, kind, value in rows:
        out += [f"# TYPE consul_snapshot_agent_{name} {kind}", f"consul_snapshot_agent_{name} {value}"]
    for name, kind in (("failed_attempts", "counter"), ("deleted", "counter"), ("stored", "gauge")):
        full = f"consul_snapshot_agent_destination_{name}{'_total' if kind == 'counter' else ''}"
        out.append(f"# TYPE {full} {kind}")
        out += [
            f'{full}{{destination="{_label(where)}"}} {getattr(target, name)}'
            for where, target in stats.targets.items()
        ]
    return "\n".join(out) + "\n"


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
