"""Totals since the start in Prometheus' exposition format, as go-metrics' Prometheus sink writes them."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

__all__ = ["Cumulative", "Key", "Labels", "flat_sorted"]

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]  # full dotted name, labels
V = TypeVar("V")

_SAMPLE_WINDOW: Final = 10.0  # seconds that quantiles look back
_SAMPLE_LIMIT: Final = 1000  # newest samples kept for quantiles


def flat_sorted(values: Mapping[Key, V]) -> list[tuple[Key, V]]:
    """Items in the order in which go-metrics shows them: by name and labels as one text."""
    return sorted(values.items(), key=lambda item: _flat(item[0]))


def _flat(key: Key) -> str:
    return key[0] + "".join(f";{name}={value}" for name, value in key[1])


class Cumulative:
    """Totals since the start; series that were not touched for ``retention`` seconds are not shown."""

    def __init__(self, retention: float, prefix: str = "consul") -> None:
        self.retention = retention
        self.prefix = prefix
        self.gauges: dict[Key, tuple[float, float]] = {}
        self.counters: dict[Key, tuple[float, float]] = {}
        self.samples: dict[Key, tuple[int, float, deque[tuple[float, float]], float]] = {}

    def incr(self, key: Key, value: float, now: float) -> None:
        """Add to a counter."""
        key = _shown(key)
        self.counters[key] = (self.counters.get(key, (0.0, 0.0))[0] + value, now)

    def gauge(self, key: Key, value: float, now: float) -> None:
        """Set a gauge."""
        key = _shown(key)
        self.gauges[key] = (value, now)

    def sample(self, key: Key, values: Sequence[float], now: float) -> None:
        """Add to a summary."""
        key = _shown(key)
        count, total, recent, _ = self.samples.get(key) or (0, 0.0, deque[tuple[float, float]](maxlen=_SAMPLE_LIMIT), 0)
        recent.extend((now, value) for value in values[-_SAMPLE_LIMIT:])
        self.samples[key] = (count + len(values), total + sum(values), recent, now)

    def text(self, now: float, declared: Mapping[str, str]) -> str:
        """The exposition format, version 0.0.4: one family a name, sorted.

        ``declared`` (name without prefix → type) are shown at zero where nothing happened yet.
        """
        families: dict[str, tuple[str, list[str]]] = {}
        for key, (value, at) in flat_sorted(self.gauges):
            if now - at <= self.retention:
                _family(families, key[0], "gauge").append(_line(key[0], key[1], value))
        for key, (value, at) in flat_sorted(self.counters):
            if now - at <= self.retention:
                _family(families, key[0], "counter").append(_line(key[0], key[1], value))
        for key, (count, total, recent, at) in flat_sorted(self.samples):
            if now - at <= self.retention:
                lines = _family(families, key[0], "summary")
                lines.extend(_summary(key, count, total, [v for t, v in recent if now - t <= _SAMPLE_WINDOW]))
        self._show_declared(families, declared)
        out: list[str] = []
        for name in sorted(families):
            kind, lines = families[name]
            out.append(f"# HELP {name} {name}\n# TYPE {name} {kind}\n")
            out.extend(lines)
        return "".join(out)

    def _show_declared(self, families: dict[str, tuple[str, list[str]]], declared: Mapping[str, str]) -> None:
        for short, expected in declared.items():
            name = _series_name(f"{self.prefix}.{short}" if self.prefix else short)
            kind, lines = families.setdefault(name, (expected, []))
            if kind == expected and not any(line.startswith((f"{name} ", f"{name}_sum ")) for line in lines):
                lines.extend(_summary((name, ()), 0, 0, []) if expected == "summary" else [_line(name, (), 0)])


def _shown(key: Key) -> Key:
    """The series that a scrape can show: of labels with the same name the last one counts, as in Consul."""
    name, labels = key
    return (name, tuple(dict(labels).items())) if len(labels) > 1 else key


def _summary(key: Key, count: int, total: float, recent: list[float]) -> Iterator[str]:
    recent.sort()
    for quantile in (0.5, 0.9, 0.99):
        value = recent[min(len(recent) - 1, int(quantile * len(recent)))] if recent else math.nan
        yield _line(key[0], (*key[1], ("quantile", str(quantile))), value)
    yield _line(key[0], key[1], total, "_sum")
    yield _line(key[0], key[1], count, "_count")


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
    return "{" + ",".join(f'{_series_name(name)}="{label_value(value)}"' for name, value in sorted(labels)) + "}"


def label_value(value: str) -> str:
    """The text between the quotes of a label."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if value == int(value) and abs(value) < 1e21:
        return str(int(value)) if abs(value) < 1e6 else f"{value:.16g}"
    return repr(float(value))
