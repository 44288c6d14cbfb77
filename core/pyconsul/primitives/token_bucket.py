"""A token bucket: so much a second, and after a rest so much at once."""

from __future__ import annotations

import math


class TokenBucket:
    """Gives ``rate`` tokens a second, at most ``burst`` at once; it begins full. An infinite rate refuses nothing."""

    __slots__ = ("_at", "_tokens", "burst", "rate")

    def __init__(self, rate: float, burst: int, now: float) -> None:
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Take one token, if there is one. ``now`` is in seconds and never goes back."""
        if math.isinf(self.rate):
            return True
        self._tokens = min(float(self.burst), self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def delay(self) -> float:
        """Seconds from the last ``take``, which was refused, until one will succeed."""
        return (1 - self._tokens) / self.rate if self.burst else math.inf
