"""How long a blocking query may take: servers go by the configuration, what the agent itself knows does not."""

from __future__ import annotations

import pytest

from tests.door import DoorClient, leading_agent

MINUTE = 60_000_000_000  # ns


@pytest.mark.parametrize(
    ("settings", "wait", "minutes"),
    [
        ("", "", 5),
        ("", "&wait=2m", 2),
        ("", "&wait=1h", 10),
        ("", "&wait=-1m", 5),
        ('max_query_time = "1h"', "&wait=50m", 50),
        ('max_query_time = "1h"', "&wait=2h", 60),
        ('max_query_time = "1m"', "&wait=2m", 1),
        ('default_query_time = "3m"', "", 3),
        ('default_query_time = "20m"', "", 20),
    ],
)
async def test_servers_wait_as_configured(settings: str, wait: str, minutes: int) -> None:
    """Whoever says how long is bound by the limit, who does not gets the default, whatever the limit is."""
    async with leading_agent(settings) as agent:
        options = DoorClient(agent).request("GET", f"catalog/nodes?index=7{wait}").read_options()
    assert options["MaxQueryTime"] == minutes * MINUTE


async def test_the_agent_waits_as_it_is_asked() -> None:
    """Its routes have limits of their own."""
    async with leading_agent('default_query_time = "3m" max_query_time = "1m"') as agent:
        door = DoorClient(agent)
        assert door.request("GET", "event/list?index=7").wait_options() == {"MinQueryIndex": 7}
        asked = door.request("GET", "event/list?index=7&wait=2m").wait_options()
        assert asked["MaxQueryTime"] == 2 * MINUTE
