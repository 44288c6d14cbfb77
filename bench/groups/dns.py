"""DNS answers a second over UDP."""

from __future__ import annotations

from bench.groups import filling
from bench.load import dns_load
from bench.measures import Reading, Row, measure
from bench.trial import Trial


def answers(trial: Trial, kind: str) -> list[Reading]:
    """The service ``web`` with its instances, asked for one type."""
    with trial.agent() as agent:
        filling.instances(agent, trial.scale.instances)
        return [dns_load(agent, "web.service.consul", kind, trial.scale)]


@measure("dns", Row("A of 20 instances", "answers/s", target=1.0))
def addresses(trial: Trial) -> list[Reading]:
    """Addresses alone."""
    return answers(trial, "A")


@measure("dns", Row("SRV with additionals", "answers/s", target=3.0))
def services(trial: Trial) -> list[Reading]:
    """Ports and names, with the addresses beside them."""
    return answers(trial, "SRV")
