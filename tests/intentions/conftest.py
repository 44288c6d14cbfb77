"""An agent without sockets, asked through its door."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.door import Answer, DoorClient, leading_agent


class Api(DoorClient):
    """Asks the door of one agent."""

    async def allow(self, source: str, destination: str, action: str = "allow") -> Answer:
        """Write one intention."""
        url = f"connect/intentions/exact?source={source}&destination={destination}"
        return await self.put(url, {"Action": action})


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """A dev agent whose server leads; no port is opened."""
    async with leading_agent() as agent:
        yield Api(agent)
