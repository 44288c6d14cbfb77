"""A thousand blocking queries on one key: how long a write takes to reach the last of them, and what it costs."""

from __future__ import annotations

import statistics
import time

from bench.groups.waiters import Waiters
from bench.measures import Reading, Row, measure
from bench.trial import Trial

MANY_CONNECTIONS = ("-hcl=limits { http_max_conns_per_client = -1 }",)


@measure(
    "fanout",
    Row("1,000 queries on a key: write → last answer", "ms", more_is_better=False, target=1.0),
    Row("CPU time of the agent for it", "ms", more_is_better=False, target=1.0),
)
def one_key(trial: Trial) -> list[Reading]:
    """Medians over some writes, each answered to all."""
    taken: list[float] = []
    used: list[float] = []
    with trial.agent(*MANY_CONNECTIONS) as agent:
        agent.put("/v1/kv/bench/fan", b"0")
        waiters = Waiters(agent, ["/v1/kv/bench/fan"] * trial.scale.waiters)
        for n in range(trial.scale.writes):
            _, headers, _ = agent.ask("GET", "/v1/kv/bench/fan")
            waiters.ask(int(headers["X-Consul-Index"]))
            before, began = agent.cpu(), time.perf_counter()
            agent.put("/v1/kv/bench/fan", b"%d" % (n + 1))
            taken.append(waiters.answered(trial.scale.waiters) - began)
            agent.wait_until_quiet(0.05)
            used.append(agent.cpu() - before)
        waiters.close()
    return [Reading(statistics.median(taken) * 1000), Reading(statistics.median(used) * 1000)]
