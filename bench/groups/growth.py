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


@measure(
    "growth",
    *(Row(f"GET kv among {n:,} keys", "req/s") for n in SIZES),
    *(Row(f"PUT kv among {n:,} keys", "req/s") for n in SIZES),
    *(Row(f"memory a pair over its payload, {n:,} keys", "bytes", more_is_better=False) for n in SIZES),
    peer="none",
)
def pairs(trial: Trial) -> list[Reading | None]:
    """Another key with each request; memory with the keys less that without, by the pair, less key and value."""
    found = [_among(trial, size) for size in trial.scale.growth]
    found += [(None, None, None)] * (len(SIZES) - len(found))
    return [reading for kind in zip(*found, strict=True) for reading in kind]


def _among(trial: Trial, size: int) -> tuple[Reading | None, Reading | None, Reading | None]:
    """Reads, writes and memory of a fresh agent with so many keys."""
    with trial.agent(environment=UNKEPT) as agent:
        agent.wait_until_quiet()
        before = agent.memory()
        filling.keys(agent, size, digits=0)
        agent.wait_until_quiet()
        memory = Reading((agent.memory() - before) * 1e6 / size - _payload(size))
        path = "/v1/kv/bulk/{n}"
        reads = http_load(agent, Request(path, spread=size), trial.scale)
        writes = http_load(agent, Request(path, "PUT", "v" * 150, spread=size), trial.scale)
    return reads, writes, memory


def _payload(size: int) -> float:
    """Bytes of key and value of a pair, on average."""
    return sum(len(f"bulk/{n}") for n in range(size)) / size + len(filling.VALUE)


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
