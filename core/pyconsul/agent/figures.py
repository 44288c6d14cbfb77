"""The agent's own figures: how its ``telemetry`` section sets the metrics up, and what it measures of itself."""

from __future__ import annotations

import asyncio
import gc
import resource
import socket
import sys
from typing import TYPE_CHECKING, Final

from pyconsul.primitives.durations import SECOND
from pyconsul.telemetry import metrics

if TYPE_CHECKING:
    from pyconsul.agent.agent import Agent
    from pyconsul.config.runtime import RuntimeConfig

__all__ = ["Figures", "configure_metrics", "measure_forever", "measure_once"]

MEASURE_EVERY: Final = 1.0  # seconds


def configure_metrics(config: RuntimeConfig) -> None:
    """Set prefix, host name, filters and Prometheus as the configuration says; at the start and on a reload."""
    telemetry = config.telemetry
    metrics.configure(
        prefix=telemetry.metrics_prefix,
        host="" if telemetry.disable_hostname else socket.gethostname(),
        prometheus_retention=telemetry.prometheus_retention_time / SECOND,
        allowed=telemetry.allowed_prefixes,
        blocked=telemetry.blocked_prefixes,
        filter_default=telemetry.filter_default,
    )


class Figures:
    """Measures from ``start`` to ``stop``."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self, agent: Agent) -> None:
        """Begin to measure."""
        configure_metrics(agent.config)
        self._task = asyncio.create_task(measure_forever(agent), name="measure")

    def stop(self) -> None:
        """Measure no more."""
        if self._task is not None:
            self._task.cancel()


async def measure_forever(agent: Agent) -> None:
    """Measure every second, and how late the loop is in waking up for it (``runtime.loop_lag``, ms)."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + MEASURE_EVERY
        await asyncio.sleep(MEASURE_EVERY)
        metrics.sample("runtime.loop_lag", max(0.0, loop.time() - due) * 1000)
        measure_once(agent)


def measure_once(agent: Agent) -> None:
    """Gauges of the process and of what this agent holds."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    metrics.gauge("runtime.sys_bytes", float(usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)))
    metrics.gauge("runtime.num_goroutines", float(len(asyncio.all_tasks())))
    metrics.gauge("runtime.total_gc_runs", float(sum(each["collections"] for each in gc.get_stats())))
    consensus = agent.server.consensus
    metrics.gauge("autopilot.healthy", float(consensus.is_leader))
    metrics.gauge("autopilot.failure_tolerance", 0.0)
    metrics.gauge("server.isLeader", float(consensus.is_leader))
    metrics.gauge("raft.applied_index", float(consensus.applied_index))
    metrics.gauge("raft.last_index", float(consensus.last_index))
    version = (("version", agent.config.version), ("pre_release", agent.config.version_prerelease))
    metrics.gauge("version", 1.0, version)
