"""Counters, gauges and samples, gathered in ten-second intervals as Consul's agent shows them.

Room code calls ``incr``, ``gauge``, ``sample`` and ``measure`` with dotted names without prefix; ``configure`` (once,
by the agent) sets prefix, host name, filters and whether a cumulative Prometheus store is kept beside the intervals.
The layouts are go-metrics': ``summary`` for ``/v1/agent/metrics``, ``prometheus_text`` for the scrape format.
"""

from __future__ import annotations

import bisect
import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

from pyconsul.telemetry.declared import DECLARED
from pyconsul.telemetry.process import process_text

__all__ = ["Interval", "Labels", "Metrics", "configure", "current", "gauge", "incr", "measure", "sample"]

Labels = tuple[tuple[str, str], ...]
V = TypeVar("V")

INTERVAL: Final = 10.0  # seconds a bucket covers
RETAIN: Final = 6  # intervals kept: one minute
_SAMPLE_WINDOW: Final = 10.0  # seconds that Prometheus quantiles look back
_SAMPLE_LIMIT: Final = 1000  # newest samples kept for quantiles


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
    """One interval as ``/v1/agent/metrics`` answers it; ``Points`` and ``PrecisionGauges`` are never used here."""

    Timestamp: str
    Gauges: list[GaugeValue]
    PrecisionGauges: list[GaugeValue]
    Points: list[GaugeValue]
    Counters: list[SampledValue]
    Samples: list[SampledValue]


_Key = tuple[str, Labels]


class Interval:
    """What happened in ten seconds, by name and labels."""

    __slots__ = ("counters", "gauges", "samples", "start")

    def __init__(self, start: float) -> None:
        self.start = start
        self.gauges: dict[_Key, float] = {}
        self.counters: dict[_Key, Aggregate] = {}
        self.samples: dict[_Key, Aggregate] = {}

    def summary(self) -> Summary:
        """The JSON form of this interval, sorted by name and labels."""
        at = datetime.fromtimestamp(self.start, UTC).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")
        gauges = [GaugeValue(name, value, dict(labels)) for (name, labels), value in _sorted(self.gauges)]
        return Summary(at, gauges, [], [], _sampled(self.counters), _sampled(self.samples))


def _flat(key: _Key) -> str:
    return key[0] + "".join(f";{name}={value}" for name, value in key[1])


def _sorted(values: Mapping[_Key, V]) -> list[tuple[_Key, V]]:
    return sorted(values.items(), key=lambda item: _flat(item[0]))


def _sampled(values: Mapping[_Key, Aggregate]) -> list[SampledValue]:
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
        for (name, labels), got in _sorted(values)
    ]


class Cumulative:
    """Totals since the start, for Prometheus; series that were not touched for ``retention`` seconds are dropped."""

    def __init__(self, retention: float, prefix: str = "consul") -> None:
        self.retention = retention
        self.prefix = prefix
        self.gauges: dict[_Key, tuple[float, float]] = {}
        self.counters: dict[_Key, tuple[float, float]] = {}
        self.samples: dict[_Key, tuple[int, float, deque[tuple[float, float]], float]] = {}

    def incr(self, key: _Key, value: float, now: float) -> None:
        """Add to a counter."""
        self.counters[key] = (self.counters.get(key, (0.0, 0.0))[0] + value, now)

    def gauge(self, key: _Key, value: float, now: float) -> None:
        """Set a gauge."""
        self.gauges[key] = (value, now)

    def sample(self, key: _Key, value: float, now: float) -> None:
        """Add to a summary."""
        count, total, recent, _ = self.samples.get(key) or (0, 0.0, deque[tuple[float, float]](maxlen=_SAMPLE_LIMIT), 0)
        recent.append((now, value))
        self.samples[key] = (count + 1, total + value, recent, now)

    def text(self, now: float) -> str:
        """The exposition format, version 0.0.4: one family a name, sorted."""
        families: dict[str, tuple[str, list[str]]] = {}
        for key, (value, at) in _sorted(self.gauges):
            if now - at <= self.retention:
                _family(families, key[0], "gauge").append(_line(key[0], key[1], value))
        for key, (value, at) in _sorted(self.counters):
            if now - at <= self.retention:
                _family(families, key[0], "counter").append(_line(key[0], key[1], value))
        for key, (count, total, recent, at) in _sorted(self.samples):
            if now - at <= self.retention:
                lines = _family(families, key[0], "summary")
                lines.extend(_quantiles(key, [value for when, value in recent if now - when <= _SAMPLE_WINDOW]))
                lines.append(_line(key[0], key[1], total, "_sum"))
                lines.append(_line(key[0], key[1], count, "_count"))
        self._show_declared(families)
        out: list[str] = []
        for name in sorted(families):
            kind, lines = families[name]
            out.append(f"# HELP {name} {name}\n# TYPE {name} {kind}\n")
            out.extend(lines)
        return "".join(out)

    def _show_declared(self, families: dict[str, tuple[str, list[str]]]) -> None:
        """Add the series that are always there, at zero where nothing happened yet."""
        for short, declared in DECLARED.items():
            name = _series_name(f"{self.prefix}_{short}" if self.prefix else short)
            kind, lines = families.setdefault(name, (declared, []))
            if kind == declared and not any(_is_plain(name, line) for line in lines):
                if kind == "summary":
                    lines.extend(
                        (*_quantiles((name, ()), []), _line(name, (), 0, "_sum"), _line(name, (), 0, "_count"))
                    )
                else:
                    lines.append(_line(name, (), 0))


def _is_plain(name: str, line: str) -> bool:
    return line.startswith((f"{name} ", f"{name}_sum "))


def _family(families: dict[str, tuple[str, list[str]]], name: str, kind: str) -> list[str]:
    return families.setdefault(_series_name(name), (kind, []))[1]


_FORBIDDEN = str.maketrans({" ": "_", ".": "_", "=": "_", "-": "_", "/": "_"})


def _series_name(name: str) -> str:
    return name.translate(_FORBIDDEN)


def _line(name: str, labels: Labels, value: float, suffix: str = "") -> str:
    return f"{_series_name(name)}{suffix}{_label_text(labels)} {_number(value)}\n"


def _label_text(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{_series_name(name)}="{_label_value(value)}"' for name, value in sorted(labels)) + "}"


def _label_value(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if value == int(value) and abs(value) < 1e21:
        return str(int(value)) if abs(value) < 1e6 else f"{value:.16g}"
    return repr(float(value))


def _quantiles(key: _Key, values: list[float]) -> Iterator[str]:
    values.sort()
    for quantile in (0.5, 0.9, 0.99):
        value = values[min(len(values) - 1, int(quantile * len(values)))] if values else math.nan
        yield _line(key[0], (*key[1], ("quantile", str(quantile))), value)


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
        self._intervals: deque[Interval] = deque(maxlen=RETAIN)

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

    def incr(self, name: str, value: float = 1.0, labels: Labels = ()) -> None:
        """Count something."""
        key = self._key(name, labels)
        if key is not None:
            interval = self.interval()
            _aggregate(interval.counters, key).add(value)
            if self.cumulative is not None:
                self.cumulative.incr(key, value, self._clock())

    def gauge(self, name: str, value: float, labels: Labels = ()) -> None:
        """Say how much there is of something now."""
        key = self._key(name, labels, with_host=True)
        if key is not None:
            self.interval().gauges[key] = value
            if self.cumulative is not None:
                self.cumulative.gauge(key, value, self._clock())

    def sample(self, name: str, value: float, labels: Labels = ()) -> None:
        """Note one measurement; times are milliseconds."""
        key = self._key(name, labels)
        if key is not None:
            _aggregate(self.interval().samples, key).add(value)
            if self.cumulative is not None:
                self.cumulative.sample(key, value, self._clock())

    def interval(self) -> Interval:
        """The interval of this moment; starts a new one every ten seconds."""
        now = self._clock()
        start = now - now % INTERVAL
        if not self._intervals or self._intervals[-1].start != start:
            self._intervals.append(Interval(start))
        return self._intervals[-1]

    def seconds_left(self) -> float:
        """How long the present interval lasts still, at least a millisecond."""
        return max(0.001, INTERVAL - self._clock() % INTERVAL)

    def displayed(self) -> Interval:
        """The newest finished interval, or the present one while there is none."""
        present = self.interval()
        return self._intervals[-2] if len(self._intervals) > 1 else present

    def prometheus_text(self) -> str:
        """The scrape text with figures of the process, empty while Prometheus is off."""
        return self.cumulative.text(self._clock()) + process_text() if self.cumulative is not None else ""

    def _key(self, name: str, labels: Labels, *, with_host: bool = False) -> _Key | None:
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


def _aggregate(values: dict[_Key, Aggregate], key: _Key) -> Aggregate:
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


@contextmanager
def measure(name: str, labels: Labels = ()) -> Generator[None]:
    """Sample how long the block took, in milliseconds, also when it raises."""
    start = time.perf_counter()
    try:
        yield
    finally:
        sample(name, (time.perf_counter() - start) * 1000, labels)
