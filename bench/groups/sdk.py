"""The client library beside the one from the package index: requests a second of one client. One agent serves both."""

from __future__ import annotations

import json
from pathlib import Path

from bench.agents import output_of
from bench.groups import filling
from bench.measures import Reading, Row, measure
from bench.trial import Trial

SCRIPT = Path(__file__).resolve().parent.parent / "sdk_load.py"
ASKED = ("kv.get", "health.service")
WAYS = ("async, 1 at a time", "async, 64 at a time", "blocking")


@measure(
    "sdk",
    *(Row(f"{asked}, {way}", "req/s", target=1.5) for asked in ASKED for way in WAYS),
    peer="sdk",
)
def clients(trial: Trial) -> list[Reading]:
    """CPU is the client's here, a request."""
    with trial.agent(host=True) as agent:
        agent.put("/v1/kv/bench/k", b"v" * 100)
        filling.instances(agent, trial.scale.instances)
        side = "ours" if trial.programs.ours else "peer"
        command = [trial.programs.sdk, str(SCRIPT), side, str(agent.port), str(trial.scale.sdk_requests)]
        figures = json.loads(output_of(command))
    return [Reading(rate, cpu) for rate, cpu in figures]
