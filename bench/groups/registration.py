"""Services registered through one agent until the catalog has them all."""

from __future__ import annotations

import time

from bench.agents import PATIENCE
from bench.groups import filling
from bench.measures import Reading, Row, measure
from bench.trial import Trial


def registered(trial: Trial, count: int) -> Reading:
    """Services a second from the first registration to the last one's appearance in the catalog."""
    with trial.agent() as agent:
        before, began = agent.cpu(), time.perf_counter()
        filling.agent_services(agent, count)
        while len(agent.get("/v1/catalog/services")) < count + 1:
            if time.perf_counter() - began > PATIENCE:
                raise TimeoutError("the catalog does not have all services")
            time.sleep(0.005)
        return Reading(count / (time.perf_counter() - began), (agent.cpu() - before) / count * 1e6)


@measure("registration", Row("services through one agent, one after another", "svc/s", target=1.5))
def services(trial: Trial) -> list[Reading]:
    """One connection, one registration after the other."""
    return [registered(trial, trial.scale.registrations)]
