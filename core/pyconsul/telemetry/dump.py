"""The gathered figures as lines of text, which an agent prints on standard error when SIGUSR1 asks for them.

The layout is that of go-metrics' ``InmemSignal``. When a value came in last is not kept here, and not shown.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress

from pyconsul.telemetry.metrics import Interval, Metrics, SampledValue, current

_PLAIN = str.maketrans(" :", "__")


def print_finished_intervals() -> None:
    """Print what this process gathered, without the interval that goes on still, on standard error."""
    with suppress(OSError):  # nobody reads it; the one who asked sees that
        sys.stderr.write(dump_text(current()))
        sys.stderr.flush()


def dump_text(metrics: Metrics) -> str:
    """A line for each figure of each finished interval, the oldest interval first."""
    return "".join(f"{line}\n" for interval in metrics.finished() for line in _lines(interval))


def _lines(interval: Interval) -> Iterator[str]:
    shown = interval.summary()
    for gauge in shown.Gauges:
        yield f"[{shown.Timestamp}][G] '{_flat(gauge.Name, gauge.Labels.values())}': {gauge.Value:.3f}"
    for letter, values in (("C", shown.Counters), ("S", shown.Samples)):
        for value in values:
            yield f"[{shown.Timestamp}][{letter}] '{_flat(value.Name, value.Labels.values())}': {_aggregate(value)}"


def _flat(name: str, labels: Iterable[str]) -> str:
    return name + "".join(f".{label.translate(_PLAIN)}" for label in labels)


def _aggregate(value: SampledValue) -> str:
    if value.Stddev == 0:
        return f"Count: {value.Count} Sum: {value.Sum:.3f}"
    extremes = f"Min: {value.Min:.3f} Mean: {value.Mean:.3f} Max: {value.Max:.3f} Stddev: {value.Stddev:.3f}"
    return f"Count: {value.Count} {extremes} Sum: {value.Sum:.3f}"
