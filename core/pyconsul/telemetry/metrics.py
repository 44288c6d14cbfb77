"""Counters, gauges and samples, gathered in ten-second intervals as Consul's agent shows them.

Room code calls ``incr``, ``gauge``, ``sample`` and ``measure`` with dotted names without prefix; hot paths hold a
series instead (``counter``, ``timing``, ``level``), which the sink empties in batches. ``configure`` (by the agent)
sets prefix, host name, filters and whether a cumulative Prometheus store is kept beside the intervals. The layouts are
go-metrics': ``summary`` for ``/v1/agent/metrics``, ``prometheus_text`` for the scrape format.

A scrape shows from the start, at zero, what the code that feeds it has declared: every series without labels by being
made, others by ``declare`` beside the call that feeds them. There is no list of names apart from the code.
"""

from __future__ import annotations

import bisect
import math
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from pyconsul.telemetry.process import process_text
from pyconsul.telemetry.prometheus import Cumulative, Key, Labels, flat_sorted
from pyconsul.telemetry.push import Lines
from pyconsul.telemetry.series import Counter, Level, Timing

__all__ = [
    "Interval",
    "Labels",
    "Metrics",
    "configure",
    "counter",
    "current",
    "declare",
    "doubled",
    "gauge",
    "incr",
    "level",
    "measure",
    "sample",
    "timing",
]

INTERVAL: Final = 10.0  # seconds a bucket covers
RETAIN: Final = 6  # intervals kept: one minute


class Aggregate:
    """Count, sum, extremes and deviation of the values of one counter or sample in one interval."""

    __slots__ = ("count", "high", "low", "squares", "total")

    def __init__(self) -> None:
        self.count = 0
        self.total = 0.0
        self.squares = 0.0
        self.low = 0.0
        self.high = 0.0

    def add(self, value: float) -> None:
        """Take one value in."""
        if not self.count:
            self.low = self.high = value
        elif value < self.low:
            self.low = value
        elif value > self.high:
            self.high = value
        self.count += 1
        self.total += value
        self.squares += value * value

    def add_all(self, values: Sequence[float]) -> None:
        """Take many values in; there must be one."""
        if len(values) == 1:
            self.add(values[0])
            return
        low, high = min(values), max(values)
        self.low = min(self.low, low) if self.count else low
        self.high = max(self.high, high) if self.count else high
        self.count += len(values)
        self.total += sum(values)
        self.squares += sum(value * value for value in values)

    def add_ones(self, times: int) -> None:
        """Take the value 1 in, so many times."""
        self.low = min(self.low, 1.0) if self.count else 1.0
        self.high = max(self.high, 1.0)
        self.count += times
        self.total += times
        self.squares += times

    def deviation(self) -> float:
        """The sample standard deviation; 0 for fewer than two values."""
        if self.count < 2:
            return 0.0
        return math.sqrt(max(0.0, (self.count * self.squares - self.total**2) / (self.count * (self.count - 1))))


class GaugeValue(msgspec.Struct, frozen=True):
    """A gauge as the JSON form shows it."""

    Name: str
    Value: float
    Labels: dict[str, str]


class SampledValue(msgspec.Struct, frozen=True):
    """A counter or sample as the JSON form shows it."""

    Name: str
    Count: int
    Rate: float
    Sum: float
    Min: float
    Max: float
    Mean: float
    Stddev: float
    Labels: dict[str, str]


class Summary(msgspec.Struct, frozen=True):
    """One interval as ``/v1/agent/metrics`` answers it; ``Points`` are never used here."""

    Timestamp: str
    Gauges: list[GaugeValue]
    Points: list[GaugeValue]
    Counters: list[SampledValue]
    Samples: list[SampledValue]


class Interval:
    """What happened in ten seconds, by name and labels."""

    __slots__ = ("counters", "gauges", "samples", "start")

    def __init__(self, start: float) -> None:
        self.start = start
        self.gauges: dict[Key, float] = {}
        self.counters: dict[Key, Aggregate] = {}
        self.samples: dict[Key, Aggregate] = {}

    def summary(self) -> Summary:
        """The JSON form of this interval, sorted by name and labels."""
        at = datetime.fromtimestamp(self.start, UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
        gauges = [GaugeValue(name, value, dict(labels)) for (name, labels), value in flat_sorted(self.gauges)]
        return Summary(at, gauges, [], _sampled(self.counters), _sampled(self.samples))


def _sampled(values: Mapping[Key, Aggregate]) -> list[SampledValue]:
    return [
        SampledValue(
            Name=name,
            Count=got.count,
            Rate=got.total / INTERVAL,
            Sum=got.total,
            Min=got.low,
            Max=got.high,
            Mean=got.total / got.count,
            Stddev=got.deviation(),
            Labels=dict(labels),
        )
        for (name, labels), got in flat_sorted(values)
    ]


class Metrics:
    """The sink of one process: recent intervals, and the cumulative store while Prometheus is on."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.prefix = "consul"
        self.host = ""
        self.allow_default = True
        self._allowed: list[str] = []
        self._blocked: list[str] = []
        self.cumulative: Cumulative | None = None
        self.push: list[Lines] = []  # statsd and its like
        self.declared: dict[str, str] = {}  # name without prefix → type, as a scrape shows it
        self._intervals: deque[Interval] = deque(maxlen=RETAIN)
        self._counters: dict[Key, Counter] = {}
        self._timings: dict[Key, Timing] = {}
        self._levels: dict[Key, Level] = {}

    # Series

    def declare(self, kind: Literal["counter", "gauge", "summary"], *names: str) -> None:
        """Show these from the start. For the code that feeds them with labels, or by name."""
        self.declared.update(dict.fromkeys(names, kind))

    def counter(self, name: str, labels: Labels = ()) -> Counter:
        """The counter of this name; the same one for all who ask."""
        if not labels:
            self.declare("counter", name)
        return self._counters.setdefault((name, labels), Counter(name, labels))

    def timing(self, name: str, labels: Labels = (), *, at_zero: bool = True) -> Timing:
        """The timing of this name; the same one for all who ask. Without ``at_zero`` it is shown once it has values."""
        if not labels and at_zero:
            self.declare("summary", name)
        return self._timings.setdefault((name, labels), Timing(name, labels))

    def doubled(self, name: str, labels: Labels = ()) -> Callable[[float], None]:
        """Where to note what is shown under this name and under the older one, with ``consul.`` before it."""
        new, old = (self.timing(each, labels).add for each in (name, f"consul.{name}"))

        def note(milliseconds: float) -> None:
            new(milliseconds)
            old(milliseconds)

        return note

    def level(self, name: str, labels: Labels = ()) -> Level:
        """The level of this name; the same one for all who ask."""
        if not labels:
            self.declare("gauge", name)
        return self._levels.setdefault((name, labels), Level(name, labels))

    def flush(self) -> None:
        """Take in what the series gathered."""
        self.interval()

    def _drain(self, interval: Interval) -> None:
        now = self._clock()
        for counter in self._counters.values():
            if counter.pending:
                self._count(interval, counter, now)
        for timing in self._timings.values():
            if values := timing.take():
                self._sample(interval, timing.name, values, timing.labels, now)
        for level in self._levels.values():
            if (value := level.take()) is not None:
                self._gauge(interval, level.name, value, level.labels, now)

    def _count(self, interval: Interval, counter: Counter, now: float) -> None:
        times, key = counter.take(), self._key(counter.name, counter.labels)
        if key is not None:
            _aggregate(interval.counters, key).add_ones(times)
            self._pass_count(key, times, now)

    # Setting up

    def configure(
        self,
        *,
        prefix: str = "consul",
        host: str = "",
        prometheus_retention: float = 0.0,
        allowed: Sequence[str] = (),
        blocked: Sequence[str] = (),
        filter_default: bool = True,
    ) -> None:
        """Set what the agent's ``telemetry`` says; ``host`` is empty with ``disable_hostname``."""
        self.prefix = prefix
        self.host = host
        self.set_filter(allowed, blocked, filter_default=filter_default)
        if prometheus_retention <= 0:
            self.cumulative = None
        elif self.cumulative is None:
            self.cumulative = Cumulative(prometheus_retention, prefix)
        else:
            self.cumulative.retention = prometheus_retention

    def set_filter(self, allowed: Sequence[str], blocked: Sequence[str], *, filter_default: bool = True) -> None:
        """Which names are kept: the longest listed prefix decides, ``filter_default`` where none fits."""
        self._allowed = sorted(allowed)
        self._blocked = sorted(blocked)
        self.allow_default = filter_default

    # Feeding

    def incr(self, name: str, value: float = 1.0, labels: Labels = ()) -> None:
        """Count something."""
        key = self._key(name, labels)
        if key is not None:
            _aggregate(self._present().counters, key).add(value)
            self._pass_count(key, value, self._clock())

    def _pass_count(self, key: Key, value: float, now: float) -> None:
        if self.cumulative is not None:
            self.cumulative.incr(key, value, now)
        for lines in self.push:
            lines.count(*key, value)

    def gauge(self, name: str, value: float, labels: Labels = ()) -> None:
        """Say how much there is of something now."""
        self._gauge(self._present(), name, value, labels, self._clock())

    def _gauge(self, interval: Interval, name: str, value: float, labels: Labels, now: float) -> None:
        key = self._key(name, labels, with_host=True)
        if key is None:
            return
        interval.gauges[key] = value
        if self.cumulative is not None:
            self.cumulative.gauge(key, value, now)
        for lines in self.push:
            lines.gauge(*key, value)

    def sample(self, name: str, value: float, labels: Labels = ()) -> None:
        """Note one measurement; times are milliseconds."""
        self._sample(self._present(), name, [value], labels, self._clock())

    def _sample(self, interval: Interval, name: str, values: list[float], labels: Labels, now: float) -> None:
        key = self._key(name, labels)
        if key is None:
            return
        _aggregate(interval.samples, key).add_all(values)
        if self.cumulative is not None:
            self.cumulative.sample(key, values, now)
        for lines in self.push:
            lines.sample(*key, values)

    # Showing

    def interval(self) -> Interval:
        """The interval of this moment, with all that the series gathered; a new one every ten seconds."""
        present = self._present()
        self._drain(present)
        return present

    def _present(self) -> Interval:
        now = self._clock()
        start = now - now % INTERVAL
        if not self._intervals or self._intervals[-1].start != start:
            if self._intervals:
                self._drain(self._intervals[-1])  # it was gathered while that one was the present
            self._intervals.append(Interval(start))
        return self._intervals[-1]

    def seconds_left(self) -> float:
        """How long the present interval lasts still, at least a millisecond."""
        return max(0.001, INTERVAL - self._clock() % INTERVAL)

    def displayed(self) -> Interval:
        """The newest finished interval, or the present one while there is none."""
        present = self.interval()
        return self._intervals[-2] if len(self._intervals) > 1 else present

    def finished(self) -> list[Interval]:
        """All kept intervals but the present one, the oldest first."""
        self.interval()
        return list(self._intervals)[:-1]

    def prometheus_text(self) -> str:
        """The scrape text with figures of the process, empty while Prometheus is off."""
        self.flush()
        if self.cumulative is None:
            return ""
        return self.cumulative.text(self._clock(), self.declared) + process_text()

    def _key(self, name: str, labels: Labels, *, with_host: bool = False) -> Key | None:
        host = f"{self.host}." if with_host and self.host else ""
        full = f"{self.prefix}.{host}{name}" if self.prefix else f"{host}{name}"
        if (self._allowed or self._blocked or not self.allow_default) and not self._kept(full):
            return None
        return full, labels

    def _kept(self, name: str) -> bool:
        yes, no = _longest_prefix(self._allowed, name), _longest_prefix(self._blocked, name)
        if yes < 0 and no < 0:
            return self.allow_default
        return yes > no


def _longest_prefix(prefixes: list[str], name: str) -> int:
    """Length of the longest listed prefix of ``name``, -1 for none. Only what sorts before ``name`` can fit."""
    fitting = (len(p) for p in prefixes[: bisect.bisect_right(prefixes, name)] if name.startswith(p))
    return max(fitting, default=-1)


def _aggregate(values: dict[Key, Aggregate], key: Key) -> Aggregate:
    found = values.get(key)
    if found is None:
        found = values[key] = Aggregate()
    return found


_process = Metrics()


def current() -> Metrics:
    """The sink of this process."""
    return _process


configure = _process.configure
incr = _process.incr
gauge = _process.gauge
sample = _process.sample
declare = _process.declare
counter = _process.counter
timing = _process.timing
doubled = _process.doubled
level = _process.level


@contextmanager
def measure(name: str, labels: Labels = ()) -> Generator[None]:
    """Sample how long the block took, in milliseconds, also when it raises."""
    start = time.perf_counter()
    try:
        yield
    finally:
        sample(name, (time.perf_counter() - start) * 1000, labels)
