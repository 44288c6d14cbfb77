"""How long a command takes from its start to its end."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence

from bench.agents import cpu_of_children, output_of
from bench.measures import Reading, Row, measure
from bench.trial import Trial


@measure(
    "cli",
    Row("version", "ms", more_is_better=False, target=2.0),
    Row("kv get", "ms", more_is_better=False, target=3.0),
    Row("members", "ms", more_is_better=False, target=3.0),
)
def commands(trial: Trial) -> list[Reading]:
    """Medians of some runs; CPU is the command's."""
    with trial.agent() as agent:
        agent.put("/v1/kv/bench/k", b"v")
        address = f"-http-addr={agent.address}"
        return [
            _run(trial, ("version",)),
            _run(trial, ("kv", "get", address, "bench/k")),
            _run(trial, ("members", address)),
        ]


def _run(trial: Trial, arguments: Sequence[str]) -> Reading:
    taken: list[float] = []
    before = cpu_of_children()
    for _ in range(trial.scale.runs):
        began = time.perf_counter()
        command = [trial.programs.agent, *arguments]
        output_of(command)
        taken.append((time.perf_counter() - began) * 1000)
    return Reading(statistics.median(taken), (cpu_of_children() - before) / trial.scale.runs * 1e6)
