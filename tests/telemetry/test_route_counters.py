"""What the door counts of a request is what Consul counts of it."""

from collections.abc import AsyncIterator

import pytest

from pyconsul.agent.agent import Agent
from pyconsul.agent.http.route_figures import CLIENT_API, LATE
from pyconsul.telemetry.metrics import current
from tests.door import DoorClient, leading_agent


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    """A dev agent whose server leads; no port is opened."""
    async with leading_agent() as made:
        yield made


def counted(name: str) -> float:
    """How often it was counted in this process, in the present interval."""
    return sum(row.total for (full, _), row in current().interval().counters.items() if full == f"consul.{name}")


@pytest.mark.usefixtures("still_sink")
async def test_a_method_that_a_route_has_not_is_no_request_to_it(agent: Agent) -> None:
    """Only the time of the answer is noted; what the door refused for its content is counted."""
    before = counted("client.api.catalog_nodes")
    door = DoorClient(agent)
    assert (await door.ask("PATCH", "catalog/nodes")).status == 405
    assert (await door.ask("OPTIONS", "catalog/nodes")).status == 200
    assert counted("client.api.catalog_nodes") == before
    assert (await door.get("catalog/nodes?wait=zz")).status == 400
    assert counted("client.api.catalog_nodes") == before + 1


@pytest.mark.parametrize("name", sorted(CLIENT_API.values()))
def test_late_counters_are_not_there_before_the_first_request(name: str) -> None:
    """All others are, at zero."""
    assert (f"client.api.{name}" in current().declared) is (name not in LATE)
