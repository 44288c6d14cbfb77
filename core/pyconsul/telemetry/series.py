"""Series for hot paths: they gather in plain attributes, which the sink empties once a second and before it shows.

Counting costs an addition (20 ns), timing an append (30 ns), against some 1.5 µs for a call into the sink.
"""

from __future__ import annotations

from collections.abc import Callable

from pyconsul.telemetry.prometheus import Labels

__all__ = ["Counter", "Level", "Timing"]


class Counter:
    """Something that is counted: ``counter.pending += 1``."""

    __slots__ = ("labels", "name", "pending")

    def __init__(self, name: str, labels: Labels = ()) -> None:
        self.name = name
        self.labels = labels
        self.pending = 0

    def take(self) -> int:
        """What came together since the last time."""
        taken, self.pending = self.pending, 0
        return taken


class Timing:
    """Measurements, in milliseconds: ``timing.add(ms)``."""

    __slots__ = ("_pending", "add", "labels", "name")

    def __init__(self, name: str, labels: Labels = ()) -> None:
        self.name = name
        self.labels = labels
        self._pending: list[float] = []
        self.add: Callable[[float], None] = self._pending.append

    def take(self) -> list[float]:
        """What came together since the last time."""
        if not self._pending:
            return []
        taken = self._pending.copy()
        self._pending.clear()  # the list stays: ``add`` is bound to it
        return taken


class Level:
    """How much there is of something now: ``level.value = 3``. The last value between two batches counts."""

    __slots__ = ("labels", "name", "value")

    def __init__(self, name: str, labels: Labels = ()) -> None:
        self.name = name
        self.labels = labels
        self.value: float | None = None

    def take(self) -> float | None:
        """The value, if there was one since the last time."""
        taken, self.value = self.value, None
        return taken
