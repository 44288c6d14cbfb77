"""Resident memory of a dev agent."""

from __future__ import annotations

import time

from bench.groups import filling
from bench.groups.dev import KV_PUT
from bench.load import Request, http_load
from bench.measures import Reading, Row, measure
from bench.trial import Trial


@measure(
    "memory",
    Row("dev agent, idle", "MB", more_is_better=False, target=0.7),
    Row("after the dev load", "MB", more_is_better=False, target=0.4),
)
def idle_and_loaded(trial: Trial) -> list[Reading]:
    """Just started and at rest; then after reads, writes and transactions under load."""
    scale = trial.scale
    with trial.agent() as agent:
        time.sleep(scale.idle_seconds)
        idle = agent.memory()
        filling.instances(agent, scale.instances)
        filling.services(agent, scale.services)
        body = filling.transaction(0, scale.txn_sets)
        for request in (
            Request("/v1/kv/bench/ready"),
            Request("/v1/health/service/web?passing"),
            Request("/v1/catalog/services"),
            Request("/v1/agent/self"),
            KV_PUT,
            Request("/v1/txn", "PUT", body),
        ):
            http_load(agent, request, scale)
        return [Reading(idle), Reading(agent.memory())]


@measure("memory", Row("with 100,000 keys", "MB", more_is_better=False, target=0.5))
def many_keys(trial: Trial) -> list[Reading]:
    """A hundred thousand values of 150 bytes, written by the transaction."""
    with trial.agent() as agent:
        filling.keys(agent, trial.scale.bulk_keys)
        agent.wait_until_quiet()
        return [Reading(agent.memory())]
