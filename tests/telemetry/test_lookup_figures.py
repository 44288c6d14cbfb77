"""Look-ups of services are counted by service and by the tags asked for, under the names that Consul has for them."""

from __future__ import annotations

import pytest

from pyconsul.telemetry.metrics import current
from tests.door import DoorClient, leading_agent

SERVICE = ("service", "web")
LOOKUPS: list[tuple[str, set[str]]] = [
    ("catalog/service/web", {"catalog.service.query", "catalog.service.not-found"}),
    ("catalog/connect/web", {"catalog.connect.query", "catalog.connect.not-found"}),
    ("health/service/web", {"health.service.query", "health.service.not-found"}),
    ("health/connect/web", {"health.connect.query", "health.connect.not-found"}),
    ("health/ingress/web", {"health.ingress.query", "health.ingress.not-found"}),
]


def counted() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What was counted of look-ups: name and labels → how often."""
    rows = current().interval().counters.items()
    return {
        (name.removeprefix("consul."), tuple(labels)): row.total
        for (name, labels), row in rows
        if name.startswith(("consul.catalog.", "consul.health."))
    }


async def counts_of(path: str, *, registered: bool = False) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What one look-up adds."""
    async with leading_agent() as agent:
        door = DoorClient(agent)
        if registered:
            service = {"Service": "web", "Tags": ["a", "b"]}
            await door.put("catalog/register", {"Node": "n", "Address": "10.0.0.1", "Service": service})
        before = counted()
        assert (await door.get(path)).status == 200
        after = counted()
    return {key: total - before.get(key, 0) for key, total in after.items() if total != before.get(key, 0)}


@pytest.mark.usefixtures("still_sink")
@pytest.mark.parametrize(("path", "names"), LOOKUPS)
async def test_a_look_up_that_finds_nothing_is_counted_twice(path: str, names: set[str]) -> None:
    """As a query and as one that found nothing, each with the service that was looked for."""
    assert await counts_of(path) == {(name, (SERVICE,)): 1 for name in names}


@pytest.mark.usefixtures("still_sink")
async def test_a_look_up_that_finds_something_is_counted_once() -> None:
    """Whatever it finds."""
    assert await counts_of("catalog/service/web", registered=True) == {("catalog.service.query", (SERVICE,)): 1}


@pytest.mark.usefixtures("still_sink")
async def test_tags_are_counted_together_in_their_order() -> None:
    """The labels have all of them, sorted, whichever was asked for first."""
    tagged = ("catalog.service.query-tags", (SERVICE, ("tag", "a"), ("tag", "b")))
    counts = await counts_of("catalog/service/web?tag=b&tag=a", registered=True)
    assert counts == {("catalog.service.query", (SERVICE,)): 1, tagged: 1}


@pytest.mark.usefixtures("still_sink")
async def test_a_look_up_that_is_refused_is_not_counted() -> None:
    """Only questions that were answered are."""
    async with leading_agent() as agent:
        before = counted()
        assert (await DoorClient(agent).get("catalog/service/web?filter=bad")).status == 500
        assert counted() == before
