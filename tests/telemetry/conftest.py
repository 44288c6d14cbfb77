"""The metrics of this process, held still."""

import pytest

from pyconsul.telemetry.metrics import Metrics, current


@pytest.fixture
def still_sink(monkeypatch: pytest.MonkeyPatch) -> Metrics:
    """The sink of this process; its clock stands still, so that no interval ends meanwhile."""
    sink = current()
    moment = sink._clock()  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(sink, "_clock", lambda: moment)
    return sink
