"""Medians, ratios and spread of what was measured: an aligned table, and JSON to compare with later."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec

from bench.measures import Measure, Reading, Row

COLUMNS = ("unit", "ours", "real", "ours/real", "CPU ours", "CPU real", "CPU gain", "spread", "target", "")


class Line(msgspec.Struct):
    """The readings of one row, a round each; ``peer`` is what they are compared with."""

    group: str
    name: str
    unit: str
    ours: list[float]
    peer: list[float]
    ours_cpu: list[float]
    peer_cpu: list[float]


class Results(msgspec.Struct):
    """All rows of a run, and where it was made."""

    made: str
    machine: str
    lines: list[Line]


def line_of(measure: Measure, row: Row, ours: Sequence[Reading | None], peer: Sequence[Reading | None]) -> Line:
    """The rounds of one row on both sides."""
    return Line(
        measure.group,
        row.name,
        row.unit,
        [one.value for one in ours if one],
        [one.value for one in peer if one],
        [one.cpu_us for one in ours if one and one.cpu_us is not None],
        [one.cpu_us for one in peer if one and one.cpu_us is not None],
    )


def with_earlier(line: Line, earlier: Results) -> Line:
    """The row with an earlier run's own readings in the place of the peer's."""
    for old in earlier.lines:
        if (old.group, old.name) == (line.group, line.name):
            line.peer, line.peer_cpu = old.ours, old.ours_cpu
    return line


def number(value: float | None) -> str:
    """Three figures that count."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def median(values: Sequence[float]) -> float | None:
    """The median, or None of nothing."""
    return statistics.median(values) if values else None


def spread(values: Sequence[float]) -> str:
    """How far apart the rounds are, in parts of the median."""
    middle = median(values)
    return "-" if not middle or len(values) < 2 else f"±{(max(values) - min(values)) / 2 / abs(middle) * 100:.0f}%"


def ratio(above: float | None, below: float | None) -> float | None:
    """A quotient, or None where there is none."""
    return above / below if above is not None and below else None


def cells(line: Line, row: Row) -> list[str]:
    """The row's cells. "CPU gain" is real / ours: above 1 where ours needs less."""
    ours, peer = median(line.ours), median(line.peer)
    ours_cpu, peer_cpu = median(line.ours_cpu), median(line.peer_cpu)
    found, gain = ratio(ours, peer), ratio(peer_cpu, ours_cpu)
    target = "" if row.target is None else f"{'≥' if row.more_is_better else '≤'} {row.target:g}"
    verdict = "" if found is None or row.target is None else "ok" if row.meets(found) else "MISSED"
    if verdict == "MISSED" and row.more_is_better and gain is not None and row.meets(gain):
        verdict = "ok by CPU"
    figures = [number(one) for one in (ours, peer, found, ours_cpu, peer_cpu, gain)]
    return [row.unit, *figures, spread(line.ours), target, verdict]


def table(lines: Sequence[tuple[Line, Row]]) -> str:
    """All rows, aligned."""
    rows = [["", *COLUMNS], *([f"{line.group}: {line.name}", *cells(line, row)] for line, row in lines)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    out: list[str] = []
    for row in rows:
        padded = [
            cell.ljust(width) if n < 2 else cell.rjust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        out.append("  ".join(padded).rstrip())
    return "\n".join(out)
