"""Intentions are measured under their name and under the one from before, as Consul's dashboards know both."""

from typing import Any

import pytest

from pyconsul.server.fsm.timings import declare_for, timing_of
from pyconsul.server.measuring import measured
from pyconsul.structs.intentions import IntentionRequest
from pyconsul.structs.messages import MessageType
from pyconsul.telemetry.metrics import current

pytestmark = pytest.mark.usefixtures("still_sink")

BOTH = ("consul.{}", "consul.consul.{}")


def counts(name: str) -> list[int]:
    """How often the newer and the older name were sampled in this process, in the present interval."""
    samples = current().interval().samples
    return [sum(row.count for (full, _), row in samples.items() if full == each.format(name)) for each in BOTH]


def test_log_entries_of_intentions() -> None:
    """With their operation, and there at zero under both names."""
    before = counts("fsm.intention")
    note = timing_of(MessageType.INTENTION, IntentionRequest(Op="upsert"))
    assert note is not None
    note(1.0)
    assert counts("fsm.intention") == [each + 1 for each in before]
    declare_for(MessageType.INTENTION)
    assert {"fsm.intention", "consul.fsm.intention"} <= set(current().declared)


async def test_calls_that_write_intentions() -> None:
    """Each call once under each name."""

    async def apply(server: Any, ask: Any) -> None:
        del server, ask

    before = counts("intention.apply")
    await measured("Intention.Apply", apply)(None, None)
    assert counts("intention.apply") == [each + 1 for each in before]
    assert {"intention.apply", "consul.intention.apply"} <= set(current().declared)
