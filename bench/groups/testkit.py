"""What a test waits for: a fresh agent in its own process, beside an agent started as a process."""

from __future__ import annotations

import statistics
import sys

from bench.agents import output_of, started
from bench.measures import Reading, Row, measure
from bench.trial import Trial

SCRIPT = """
import sys, time
began = time.perf_counter()
from pyconsul.testing import InProcessAgent
for _ in range(int(sys.argv[1]) + 1):
    with InProcessAgent() as agent:
        agent.client.status.leader()
        print((time.perf_counter() - began) * 1000, flush=True)
    began = time.perf_counter()
"""


@measure(
    "testkit",
    Row("fresh agent until its first answer", "ms", more_is_better=False, target=1.0),
    Row("the first of a run, imports included", "ms", more_is_better=False),
)
def fixture(trial: Trial) -> list[Reading]:
    """Ours in the test's process; the peer as a process, the way tests start one today."""
    if not trial.programs.ours:
        with started(trial.programs.agent, ("-dev",)) as agent:
            taken = agent.until("GET", "/v1/status/leader") * 1000
        return [Reading(taken), Reading(taken)]
    command = [sys.executable, "-c", SCRIPT, str(trial.scale.runs)]
    first, *others = [float(line) for line in output_of(command).split()]
    return [Reading(statistics.median(others)), Reading(first)]
