"""What the agent's cache counts of the answers it fetches."""

import asyncio
from typing import Any

import pytest

from pyconsul.agent.cache import cache as cache_module
from pyconsul.agent.cache.cache import AgentCache
from pyconsul.agent.cache.kinds import SERVICE_NODES, SERVICES, CacheKind
from pyconsul.structs.catalog import DCSpecificRequest
from pyconsul.structs.wire import Indexed
from pyconsul.telemetry.metrics import current


def fetched(kind: CacheKind[Any], unchanged: str) -> float:
    """How many fetches of this kind had the label in this process, in the present interval."""
    key = f"consul.cache.{kind.name}.fetch_success", (("result_not_modified", unchanged),)
    row = current().interval().counters.get(key)
    return 0 if row is None else row.total


@pytest.mark.usefixtures("still_sink")
@pytest.mark.parametrize(("kind", "tells"), [(SERVICES, True), (SERVICE_NODES, False)])
async def test_only_lists_of_services_tell_that_nothing_changed(
    kind: CacheKind[Any], tells: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are the only cached answers that servers leave out when the asker has them."""
    monkeypatch.setattr(cache_module, "NO_NEWS_PAUSE", 0.0)
    asked_again = asyncio.Event()
    calls = 0

    async def answer(method: str, ask: Any) -> Indexed:
        nonlocal calls
        calls += 1
        if calls == 3:  # the first answer and the first refresh are counted
            asked_again.set()
            await asyncio.Event().wait()
        return Indexed(Index=7)

    before = fetched(kind, "true"), fetched(kind, "false")
    cache = AgentCache(answer)
    await cache.get(kind, DCSpecificRequest())
    await asked_again.wait()
    cache.stop()
    assert (fetched(kind, "true") - before[0], fetched(kind, "false") - before[1]) == ((1, 1) if tells else (0, 2))
