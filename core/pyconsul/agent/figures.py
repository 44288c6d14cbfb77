"""The agent's own figures: how its ``telemetry`` section sets the metrics up, and what it measures of itself."""

from __future__ import annotations

import asyncio
import itertools
import socket
from functools import partial
from typing import TYPE_CHECKING, Final

from pyconsul.agent.members import lan_members
from pyconsul.agent.metric_push import MetricPush, targets_of
from pyconsul.primitives.durations import SECOND
from pyconsul.server.state.catalog_tables import NODES, SERVICES
from pyconsul.server.state.config_entry_reads import CONFIG_ENTRIES
from pyconsul.server.state.kv import KVS
from pyconsul.server.state.usage import UsageCount
from pyconsul.structs.config_entries.kinds import KINDS
from pyconsul.telemetry import metrics
from pyconsul.telemetry.logfile import FileSink
from pyconsul.telemetry.logging import level_from, logger
from pyconsul.telemetry.routines import Routine
from pyconsul.telemetry.runtime_figures import CollectorPauses, measure_process

if TYPE_CHECKING:
    from pyconsul.agent.agent import Agent
    from pyconsul.config.runtime import RuntimeConfig

__all__ = ["Figures", "configure_metrics", "file_sink", "measure_forever", "measure_once", "measure_state"]

log = logger("agent.telemetry")

MEASURE_EVERY: Final = 1.0  # seconds
_ROWS_AT_ONCE: Final = 2000  # some 2 ms of counting
_ENTERPRISE_KIND: Final = "control-plane-request-limit"  # counted by every edition
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
    """Measures, and sends to where the configuration says, from ``start`` to ``stop``."""

    def __init__(self) -> None:
        self._routine: Routine | None = None
        self._push = MetricPush()
        self.pauses = CollectorPauses()

    def start(self, agent: Agent) -> None:
        """Begin to measure; the agent has called ``configure_metrics`` before."""
        self._push.start(targets_of(agent.config.telemetry, socket.gethostname()))
        self.pauses.watch()
        self._routine = Routine("measure", partial(measure_forever, agent), log)
        self._routine.start()

    def stop(self) -> None:
        """Measure no more."""
        self._push.stop()
        if self._routine is not None:
            self._routine.stop()
            self._routine = None
            self.pauses.unwatch()


async def measure_forever(agent: Agent) -> None:
    """Measure every second, and how late the loop is in waking up for it (``runtime.loop_lag``, ms)."""
    loop = asyncio.get_running_loop()
    for turn in itertools.count():
        due = loop.time() + MEASURE_EVERY
        await asyncio.sleep(MEASURE_EVERY)
        metrics.sample("runtime.loop_lag", max(0.0, loop.time() - due) * 1000)
        measure_once(agent)
        if turn % STATE_EVERY == 0:
            await measure_state(agent)


def measure_once(agent: Agent) -> None:
    """Gauges of the process and of what this agent does; what the series gathered goes into the present interval."""
    measure_process(agent.figures.pauses)
    server = agent.server
    consensus = server.consensus
    _gauge("autopilot.healthy", consensus.is_leader)
    _gauge("autopilot.failure_tolerance", 0)
    _gauge("server.isLeader", consensus.is_leader)
    _gauge("raft.applied_index", consensus.applied_index)
    _gauge("raft.last_index", consensus.last_index)
    _gauge("rpc.queries_blocking", server.shared_reads.waiting + agent.listeners.front.groups.following)
    _gauge("session_ttl.active", len(server.leader.session_timers))
    _gauge("cache.entries_count", len(agent.cache))
    _gauge("consul.cache.entries_count", len(agent.cache))
    version = (("version", agent.config.version), ("pre_release", agent.config.version_prerelease))
    _gauge("version", 1, version)
    metrics.current().flush()


async def measure_state(agent: Agent) -> None:
    """Gauges of what the servers hold. Counting instances by kind gives the loop its turn now and then."""
    db, place = agent.server.db, (("datacenter", agent.datacenter),)
    _gauge("state.nodes", db.count(NODES), place)
    _gauge("state.kv_entries", db.count(KVS), place)
    for kind in (*KINDS, _ENTERPRISE_KIND):
        _gauge("state.config_entries", len(db.where(CONFIG_ENTRIES, "kind", kind)), (*place, ("kind", kind)))
    members = lan_members(agent)
    servers = sum(1 for member in members if member.Tags.get("role") == "consul")
    _gauge("members.servers", servers, place)
    _gauge("members.clients", len(members) - servers, place)
    usage = UsageCount()
    for at, row in enumerate(db.unsorted(SERVICES)):
        usage.add(row)
        if at % _ROWS_AT_ONCE == _ROWS_AT_ONCE - 1:
            await asyncio.sleep(0)
    counted = usage.total()
    _gauge("state.services", counted.Services, place)
    _gauge("state.service_instances", counted.ServiceInstances, place)
    _gauge("state.billable_service_instances", counted.BillableServiceInstances, place)
    for kind, instances in (counted.ConnectServiceInstances or {}).items():
        _gauge("state.connect_instances", instances, (*place, ("kind", kind)))


def _gauge(name: str, value: float, labels: metrics.Labels = ()) -> None:
    metrics.gauge(name, float(value), labels)


metrics.declare("summary", "runtime.loop_lag")
metrics.declare(
    "gauge",
    "autopilot.failure_tolerance",
    "autopilot.healthy",
    "cache.entries_count",
    "consul.cache.entries_count",
    "members.clients",
    "members.servers",
    "raft.applied_index",
    "raft.last_index",
    "rpc.queries_blocking",
    "server.isLeader",
    "session_ttl.active",
    "state.billable_service_instances",
    "state.config_entries",
    "state.connect_instances",
    "state.kv_entries",
    "state.nodes",
    "state.service_instances",
    "state.services",
    "version",
)
