"""What statsd, statsite and DogStatsD are told: one line a value, in go-metrics' and Datadog's forms.

Only the lines are made here; ``agent/metric_push.py`` sends them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from pyconsul.telemetry.prometheus import Labels

__all__ = ["DogStatsdLines", "Lines", "StatsdLines"]

MAX_WAITING: Final = 100_000  # lines; a server that is not there costs the oldest ones, never memory
_CLEAN = str.maketrans({":": "_", " ": "_"})


class Lines(Protocol):
    """What a push sink gathers until it is sent."""

    def count(self, name: str, labels: Labels, value: float) -> None:
        """So many more of something."""
        ...

    def gauge(self, name: str, labels: Labels, value: float) -> None:
        """So much of something."""
        ...

    def sample(self, name: str, labels: Labels, values: Sequence[float]) -> None:
        """Measurements in milliseconds."""
        ...

    def take(self) -> list[bytes]:
        """All that waits, oldest first, a line each."""
        ...


class _Waiting:
    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=MAX_WAITING)

    def take(self) -> list[bytes]:
        """All that waits, oldest first, a line each."""
        taken = [line.encode() for line in self._lines]
        self._lines.clear()
        return taken


class StatsdLines(_Waiting):
    """Lines of statsd and statsite; labels become further parts of the name."""

    def count(self, name: str, labels: Labels, value: float) -> None:
        """``name:2.000000|c``."""
        self._lines.append(f"{_flat(name, labels)}:{value:f}|c\n")

    def gauge(self, name: str, labels: Labels, value: float) -> None:
        """``name:2.000000|g``."""
        self._lines.append(f"{_flat(name, labels)}:{value:f}|g\n")

    def sample(self, name: str, labels: Labels, values: Sequence[float]) -> None:
        """``name:2.000000|ms``."""
        flat = _flat(name, labels)
        self._lines.extend(f"{flat}:{value:f}|ms\n" for value in values)


def _flat(name: str, labels: Labels) -> str:
    return ".".join((name, *(value for _, value in labels))).translate(_CLEAN)


class DogStatsdLines(_Waiting):
    """Lines of DogStatsD: labels are tags, behind those of all lines; the host name is taken out of gauges' names."""

    def __init__(self, tags: Iterable[str] = (), host: str = "") -> None:
        super().__init__()
        self._tags = tuple(tags)
        self._host = host

    def count(self, name: str, labels: Labels, value: float) -> None:
        """``name:2|c|#tag:value``."""
        self._lines.append(f"{self._name(name)}:{int(value)}|c{self._tagged(labels)}\n")

    def gauge(self, name: str, labels: Labels, value: float) -> None:
        """``name:2.5|g|#tag:value``, as many digits as it takes."""
        self._lines.append(f"{self._name(name)}:{_shortest(value)}|g{self._tagged(labels)}\n")

    def sample(self, name: str, labels: Labels, values: Sequence[float]) -> None:
        """``name:2.500000|ms|#tag:value``."""
        head, tail = self._name(name), self._tagged(labels)
        self._lines.extend(f"{head}:{value:.6f}|ms{tail}\n" for value in values)

    def _name(self, name: str) -> str:
        if self._host:
            name = name.replace(f".{self._host}.", ".", 1)
        return name.translate(_CLEAN)

    def _tagged(self, labels: Labels) -> str:
        own = (":".join(part.translate(_CLEAN) for part in pair if part) for pair in labels)
        tags = ",".join((*self._tags, *own))
        return f"|#{tags}" if tags else ""


def _shortest(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
