"""What a server measures when it takes the lead."""

from collections.abc import Callable

import pytest

from pyconsul.telemetry.metrics import Metrics, current
from tests.door import leading_agent


@pytest.fixture
def measured(still_sink: Metrics) -> Callable[[], dict[str, int]]:
    """Name → how often it was sampled in this process."""
    return lambda: {name.removeprefix("consul."): row.count for (name, _), row in still_sink.interval().samples.items()}


@pytest.mark.parametrize("name", ["leader.barrier", "leader.reconcile", "leader.reconcileMember"])
async def test_taking_the_lead_is_measured(name: str, measured: Callable[[], dict[str, int]]) -> None:
    """Waiting for the log, a round over the members, and each member; all are there at zero before."""
    before = measured().get(name, 0)
    async with leading_agent() as agent:
        assert measured()[name] == before + 1
        await agent.server.leader.stop()
        await agent.server.leader.start()
        again = 0 if name == "leader.barrier" else 1  # a restore, after which this is done, has its own
        assert measured()[name] == before + 1 + again
    assert current().declared[name] == "summary"
