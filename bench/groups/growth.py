"""How cost grows: the same with more and more of everything. Ours alone, without kept replies."""

from __future__ import annotations

import statistics
import time

from bench.groups import filling
from bench.groups.dev import UNKEPT
from bench.groups.fanout import MANY_CONNECTIONS
from bench.groups.registration import registered
from bench.groups.waiters import Waiters
from bench.load import Request, http_load
from bench.measures import Reading, Row, measure
from bench.trial import Scale, Trial

SIZES = Scale().growth
WAITING = (0, 250, 1000)
REGISTERED = (100, 300, 900)
PAYLOAD = len(b"bulk/0000000") + len(filling.VALUE)


@measure("growth", *(Row(f"GET kv among {n:,} keys", "req/s") for n in SIZES), peer="none")
def reads(trial: Trial) -> list[Reading | None]:
    """Another key each time."""
    return _over_sizes(trial, "GET")


@measure("growth", *(Row(f"PUT kv among {n:,} keys", "req/s") for n in SIZES), peer="none")
def writes(trial: Trial) -> list[Reading | None]:
    """Another key each time."""
    return _over_sizes(trial, "PUT")


def _over_sizes(trial: Trial, method: str) -> list[Reading | None]:
    """A fresh agent a size, filled with that many keys, of which every other request takes another."""
    found: list[Reading | None] = []
    body = "v" * 150 if method == "PUT" else ""
    for size in trial.scale.growth:
        with trial.agent(environment=UNKEPT) as agent:
            filling.keys(agent, size, digits=0)
            found.append(http_load(agent, Request("/v1/kv/bulk/{n}", method, body, spread=size), trial.scale))
    return found


@measure("growth", *(Row(f"memory a pair over its payload, {n:,} keys", "bytes") for n in SIZES), peer="none")
def pair_memory(trial: Trial) -> list[Reading | None]:
    """Resident memory with the keys less that without, by the pair, less key and value."""
    found: list[Reading | None] = []
    for size in trial.scale.growth:
        with trial.agent() as agent:
            agent.wait_until_quiet()
            before = agent.memory()
            filling.keys(agent, size)
            agent.wait_until_quiet()
            found.append(Reading((agent.memory() - before) * 1e6 / size - PAYLOAD))
    return found


@measure("growth", *(Row(f"one wakes while {n:,} wait for other keys", "ms") for n in WAITING), peer="none")
def wake_ups(trial: Trial) -> list[Reading | None]:
    """Write → answer of the one blocking query on that key."""
    return [_wake_up(trial, min(count, trial.scale.waiters)) for count in WAITING]


def _wake_up(trial: Trial, others: int) -> Reading:
    taken: list[float] = []
    with trial.agent(*MANY_CONNECTIONS) as agent:
        idle = Waiters(agent, [f"/v1/kv/bench/other-{n}" for n in range(others)])
        one = Waiters(agent, ["/v1/kv/bench/one"])
        agent.put("/v1/kv/bench/one", b"0")
        _, headers, _ = agent.ask("GET", "/v1/kv/bench/one")
        idle.ask(int(headers["X-Consul-Index"]))
        for n in range(trial.scale.writes):
            _, headers, _ = agent.ask("GET", "/v1/kv/bench/one")
            one.ask(int(headers["X-Consul-Index"]))
            began = time.perf_counter()
            agent.put("/v1/kv/bench/one", b"%d" % (n + 1))
            taken.append(one.answered(1) - began)
        one.close()
        idle.close()
    return Reading(statistics.median(taken) * 1000)


@measure("growth", *(Row(f"registering {n:,} services", "svc/s") for n in REGISTERED), peer="none")
def registrations(trial: Trial) -> list[Reading | None]:
    """Through one agent until the catalog has them."""
    return [registered(trial, min(count, trial.scale.registrations * 3)) for count in REGISTERED]
