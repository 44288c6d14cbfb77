"""Requests a second of a dev agent with everything in memory."""

from __future__ import annotations

from collections.abc import Callable

from bench.agents import RunningAgent
from bench.groups import filling
from bench.load import Request, http_load
from bench.measures import Reading, Row, measure
from bench.trial import Trial

Fill = Callable[[RunningAgent], object]
KV_PUT = Request("/v1/kv/bench/put", "PUT", "v" * 100)
UNKEPT = {"PYCONSUL_NO_REPLY_CACHE": "1"}
"""Ours without kept replies; the real binary takes no notice."""


def one(
    trial: Trial, request: Request, fill: Fill, connections: int | None = None, *, kept: bool = True
) -> list[Reading]:
    """A fresh agent, filled, under load of one request."""
    with trial.agent(environment=None if kept else UNKEPT) as agent:
        fill(agent)
        return [http_load(agent, request, trial.scale, connections)]


@measure("dev", Row("GET kv/k, 32 connections", "req/s", target=1.0))
def kv_get(trial: Trial) -> list[Reading]:
    """One key, read again and again."""
    return one(trial, Request("/v1/kv/bench/k"), lambda agent: agent.put("/v1/kv/bench/k", b"v" * 100))


@measure("dev", Row("GET kv/k, no kept replies", "req/s"))
def kv_get_unkept(trial: Trial) -> list[Reading]:
    """The same the long way: parsed, routed, read and encoded each time."""
    return one(trial, Request("/v1/kv/bench/k"), lambda agent: agent.put("/v1/kv/bench/k", b"v" * 100), kept=False)


@measure("dev", Row("GET health/service/web?passing", "req/s", target=5.0))
def health_service(trial: Trial) -> list[Reading]:
    """Twenty instances with their nodes and checks."""
    return one(trial, Request("/v1/health/service/web?passing"), lambda a: filling.instances(a, trial.scale.instances))


@measure("dev", Row("GET health/service/web, no kept replies", "req/s"))
def health_service_unkept(trial: Trial) -> list[Reading]:
    """The same the long way."""
    request = Request("/v1/health/service/web?passing")
    return one(trial, request, lambda a: filling.instances(a, trial.scale.instances), kept=False)


@measure("dev", Row("GET catalog/services", "req/s", target=3.0))
def catalog_services(trial: Trial) -> list[Reading]:
    """A hundred names with tags."""
    return one(trial, Request("/v1/catalog/services"), lambda a: filling.services(a, trial.scale.services))


@measure("dev", Row("GET agent/services", "req/s", target=3.0))
def agent_services(trial: Trial) -> list[Reading]:
    """Fifty services of the agent."""
    return one(trial, Request("/v1/agent/services"), lambda a: filling.agent_services(a, trial.scale.agent_services))


@measure("dev", Row("GET agent/self", "req/s", target=3.0))
def agent_self(trial: Trial) -> list[Reading]:
    """The agent's configuration and itself."""
    return one(trial, Request("/v1/agent/self"), lambda agent: None)


@measure("dev", Row("GET status/leader", "req/s", target=1.0))
def status_leader(trial: Trial) -> list[Reading]:
    """The shortest answer there is."""
    return one(trial, Request("/v1/status/leader"), lambda agent: None)


@measure("dev", Row("PUT kv, 32 connections", "req/s", target=0.8))
def kv_put(trial: Trial) -> list[Reading]:
    """A small value, written again and again."""
    return one(trial, KV_PUT, lambda agent: None)


@measure("dev", Row("PUT txn of 64 sets, 4 connections", "req/s", target=0.7))
def txn_put(trial: Trial) -> list[Reading]:
    """A transaction that sets 64 keys."""
    body = filling.transaction(0, trial.scale.txn_sets, value=b"v" * 20)
    return one(trial, Request("/v1/txn", "PUT", body), lambda agent: None, connections=4)


@measure("dev", Row("GET kv/?recurse of 10,000 keys", "req/s", target=1.0))
def kv_recurse(trial: Trial) -> list[Reading]:
    """A whole subtree in one answer."""

    def fill(agent: RunningAgent) -> None:
        filling.keys(agent, trial.scale.recurse_keys, value=b"v" * 20)

    return one(trial, Request("/v1/kv/bulk/?recurse"), fill, connections=4)
