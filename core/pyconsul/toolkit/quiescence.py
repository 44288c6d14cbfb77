"""Quiescence: wait until changes stop for a while, but not longer than a bound. Pure; time comes in."""

from __future__ import annotations

import msgspec


class WaitSetting(msgspec.Struct, frozen=True):
    """Both in seconds; off without a lower bound."""

    enabled: bool = False
    minimum: float = 0.0
    maximum: float = 0.0


class Quiescence:
    """One timer: every change moves its end by ``minimum``, up to ``maximum`` after the first."""

    def __init__(self, wait: WaitSetting) -> None:
        self.wait = wait
        self.due: float | None = None
        self._deadline = 0.0

    def tick(self, now: float) -> float:
        """Note a change at this time. Returns when the timer is due."""
        if self.due is None:
            self._deadline = now + self.wait.maximum
            self.due = now + self.wait.minimum
        else:
            self.due = min(now + self.wait.minimum, max(self._deadline, now))
        return self.due

    def is_due(self, now: float) -> bool:
        """Whether the timer has run out."""
        return self.due is not None and now >= self.due

    @property
    def is_at_maximum(self) -> bool:
        """Whether changes would go on and only the bound ends the wait."""
        return self.due is not None and self.due >= self._deadline

    def reset(self) -> None:
        """Start over with the next change."""
        self.due = None
