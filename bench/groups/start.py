"""From the start of an agent's process to its answers."""

from __future__ import annotations

from bench.agents import started
from bench.measures import Reading, Row, measure
from bench.trial import Trial


@measure(
    "start",
    Row("process start → first HTTP answer", "ms", more_is_better=False, target=4.0),
    Row("process start → first acknowledged write", "ms", more_is_better=False, target=3.0),
)
def dev_agent(trial: Trial) -> list[Reading]:
    """A dev agent, asked every millisecond."""
    with started(trial.programs.agent, ("-dev",)) as agent:
        first = agent.until("GET", "/v1/status/leader", only_ok=False)
        used = agent.cpu() * 1e6
        written = agent.until("PUT", "/v1/kv/bench/first", b"1")
        return [Reading(first * 1000, used), Reading(written * 1000, agent.cpu() * 1e6)]
