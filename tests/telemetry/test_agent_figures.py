"""What an agent measures of itself, and how its configuration sets metrics and log files up."""

import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pyconsul.agent.agent import Agent
from pyconsul.agent.figures import configure_metrics, file_sink, measure_once, measure_state
from pyconsul.config import load
from pyconsul.telemetry.logging import Level
from pyconsul.telemetry.metrics import Metrics
from pyconsul.telemetry.runtime_figures import CollectorPauses
from pyconsul.testing.ports import free_ports
from tests.door import leading_agent


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    """A dev agent whose server leads; no port is opened."""
    async with leading_agent() as made:
        yield made


@pytest.fixture
def sink(still_sink: Metrics) -> Iterator[Metrics]:
    """The process's sink, as it was before afterwards."""
    yield still_sink
    still_sink.configure()


async def test_gauges_tell_of_process_and_state(agent: Agent, sink: Metrics) -> None:
    """Memory, leadership and counts of what the server holds."""
    configure_metrics(load({"dev": True, "hcl": ["telemetry { disable_hostname = true }"]}, {}).runtime)
    measure_once(agent)
    await measure_state(agent)
    gauges = {each.Name: each.Value for each in sink.interval().summary().Gauges}
    assert gauges["consul.server.isLeader"] == 1.0 and gauges["consul.runtime.sys_bytes"] > 0
    assert gauges["consul.runtime.alloc_bytes"] > 0 and gauges["consul.runtime.heap_objects"] > 0
    assert gauges["consul.state.nodes"] == 1.0 and gauges["consul.state.kv_entries"] == 0.0


def test_pauses_of_the_garbage_collector_are_measured(sink: Metrics) -> None:
    """Each as a sample in nanoseconds, and their sum; nothing is noted before or after."""
    pauses = CollectorPauses()
    gc.collect()
    assert pauses.total_ns == 0
    pauses.watch()
    gc.collect()
    pauses.unwatch()
    total = pauses.total_ns
    gc.collect()
    sampled = {each.Name: each for each in sink.interval().summary().Samples}["consul.runtime.gc_pause_ns"]
    assert pauses.total_ns == total > 0
    assert sampled.Sum >= total  # another agent of this process may note its own


async def test_gauges_of_memory_are_plausible(agent: Agent, sink: Metrics) -> None:
    """What is resident now is at most what once was, and less than all of the machine's."""
    configure_metrics(load({"dev": True, "hcl": ["telemetry { disable_hostname = true }"]}, {}).runtime)
    measure_once(agent)
    gauges = {each.Name: each.Value for each in sink.interval().summary().Gauges}
    assert 1e6 < gauges["consul.runtime.alloc_bytes"] <= gauges["consul.runtime.sys_bytes"] < 1e12
    assert gauges["consul.runtime.heap_objects"] > 1000


def test_the_telemetry_section_configures_metrics(sink: Metrics) -> None:
    """Prefix, filter and Prometheus follow it."""
    hcl = 'telemetry { metrics_prefix = "mine" prefix_filter = ["-mine.a"] prometheus_retention_time = "60s" }'
    configure_metrics(load({"dev": True, "hcl": [hcl]}, {}).runtime)
    sink.incr("a.b")
    sink.incr("c")
    names = {name for name, _ in sink.interval().counters}
    assert "mine.c" in names and "mine.a.b" not in names
    assert "mine_c 1\n" in sink.prometheus_text()


async def test_a_scrape_tells_of_the_start(sink: Metrics) -> None:
    """What a server measures while it takes the lead is in the totals."""
    names = ("http", "dns", "server", "serf_lan", "serf_wan")
    ports = " ".join(f"{name} = {port}" for name, port in zip(names, free_ports(5), strict=True))
    telemetry = 'telemetry { prometheus_retention_time = "60s" metrics_prefix = "early" }'
    hcl = f"{telemetry} ports {{ {ports} grpc = -1 grpc_tls = -1 }}"
    given = {"dev": True, "bind": "127.0.0.1", "log-level": "ERROR", "hcl": [hcl]}
    starting = Agent(load(given, {}).runtime, lambda: load(given, {}).runtime)
    await starting.start()
    try:
        assert "early_leader_reconcile_count 1\n" in sink.prometheus_text()
    finally:
        await starting.stop()


def test_the_log_file_is_where_the_configuration_says(tmp_path: Path) -> None:
    """With level and layout of the log."""
    config = load({"dev": True, "log-file": f"{tmp_path}/", "log-level": "warn"}, {}).runtime
    made = file_sink(config)
    assert made.level is Level.WARN and (tmp_path / "consul.log").exists()
    made.close()
