"""What a measure is: rows of a table, and a function that fills them once. Groups register theirs by decorator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from bench.trial import Trial

PeerKind = Literal["agent", "template", "sdk", "none"]


class Reading(NamedTuple):
    """One figure, and the server's CPU time a request in µs where that can be told."""

    value: float
    cpu_us: float | None = None


@dataclass(frozen=True)
class Row:
    """One line of the table.

    ``target`` is for ours / real: at least that for figures of which more is better, at most that for the others.
    """

    name: str
    unit: str
    more_is_better: bool = True
    target: float | None = None

    def meets(self, ratio: float) -> bool:
        """Whether a ratio ours / real reaches the target."""
        if self.target is None:
            return True
        return ratio >= self.target if self.more_is_better else ratio <= self.target


@dataclass(frozen=True)
class Measure:
    """A function that measures one program once, giving a reading for each row (None: could not be told)."""

    group: str
    rows: tuple[Row, ...]
    peer: PeerKind
    take: Callable[[Trial], Sequence[Reading | None]]


MEASURES: list[Measure] = []


def measure(
    group: str, *rows: Row, peer: PeerKind = "agent"
) -> Callable[[Callable[[Trial], Sequence[Reading | None]]], Callable[[Trial], Sequence[Reading | None]]]:
    """Register a measure. ``peer`` says which other program it can be taken of."""

    def register(take: Callable[[Trial], Sequence[Reading | None]]) -> Callable[[Trial], Sequence[Reading | None]]:
        MEASURES.append(Measure(group, rows, peer, take))
        return take

    return register
