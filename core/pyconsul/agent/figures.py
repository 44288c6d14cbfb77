"""The agent's own figures: how its ``telemetry`` section sets the metrics up, and what it measures of itself."""

from __future__ import annotations

import asyncio
import gc
import itertools
import resource
import socket
import sys
from typing import TYPE_CHECKING, Final

from pyconsul.primitives.durations import SECOND
from pyconsul.server.state.catalog_tables import NODES, SERVICES
from pyconsul.server.state.kv import KVS
from pyconsul.server.state.sessions import SESSIONS
from pyconsul.telemetry import metrics
from pyconsul.telemetry.logfile import FileSink
from pyconsul.telemetry.logging import level_from

if TYPE_CHECKING:
    from pyconsul.agent.agent import Agent
    from pyconsul.config.runtime import RuntimeConfig

__all__ = ["Figures", "configure_metrics", "file_sink", "measure_forever", "measure_once", "measure_state"]

MEASURE_EVERY: Final = 1.0  # seconds
STATE_EVERY: Final = 10  # measurements: what the servers hold takes longer to count


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


def file_sink(config: RuntimeConfig) -> FileSink:
    """The log file that the configuration asks for. Raises OSError."""
    return FileSink(
        config.log_file,
        level_from(config.log_level),
        json_lines=config.log_json,
        rotate_seconds=config.log_rotate_duration / SECOND,
        rotate_bytes=config.log_rotate_bytes,
        keep=config.log_rotate_max_files,
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
    for turn in itertools.count():
        due = loop.time() + MEASURE_EVERY
        await asyncio.sleep(MEASURE_EVERY)
        metrics.sample("runtime.loop_lag", max(0.0, loop.time() - due) * 1000)
        measure_once(agent)
        if turn % STATE_EVERY == 0:
            measure_state(agent)


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


def measure_state(agent: Agent) -> None:
    """Gauges of what the servers hold."""
    db, place = agent.server.db, (("datacenter", agent.datacenter),)
    metrics.gauge("state.nodes", float(db.count(NODES)), place)
    metrics.gauge("state.services", float(len(db.index_values(SERVICES, "name"))), place)
    metrics.gauge("state.service_instances", float(db.count(SERVICES)), place)
    metrics.gauge("state.kv_entries", float(db.count(KVS)), place)
    metrics.gauge("session_ttl.active", float(db.count(SESSIONS)))
