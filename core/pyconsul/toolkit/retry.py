"""When a failed request is tried again: the tools' doubling pauses."""

from __future__ import annotations

import math

import msgspec


class RetryPolicy(msgspec.Struct, frozen=True):
    """``attempts`` 0 means for ever, ``max_backoff_ns`` 0 no bound."""

    enabled: bool = True
    attempts: int = 12
    backoff_ns: int = 250_000_000
    max_backoff_ns: int = 60_000_000_000

    def pause_ns(self, failures: int) -> int | None:
        """Nanoseconds to wait after so many failures before this one; None when it is enough.

        ``failures`` counts from 0: the first failure waits ``backoff_ns``.
        """
        if not self.enabled or (self.attempts > 0 and failures > self.attempts - 1):
            return None
        if self.max_backoff_ns > 0:
            bound = self.max_backoff_ns / self.backoff_ns if self.backoff_ns > 0 else math.inf
            doublings = int(math.log2(bound)) if 0 < bound < math.inf else -1
            if failures > doublings:
                return self.max_backoff_ns
        # Go wraps around beyond 63 bits, where a pause makes no sense any more; here it stays long.
        return min(self.backoff_ns << min(failures, 40), 1 << 62)
