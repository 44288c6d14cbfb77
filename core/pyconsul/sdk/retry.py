"""When to ask again and how long to wait before it: pure arithmetic, time and chance come in as arguments."""

from __future__ import annotations

from typing import ClassVar

import msgspec

_TEMPORARY = frozenset({429, 500, 502, 503, 504})


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """How single requests are repeated: those that may be asked twice (``Request.is_idempotent``), any after a 429.

    ``attempts`` counts the first one too. The wait after the n-th failure is ``base`` * 2^(n-1) seconds, at most
    ``limit``, shortened by up to a half by chance so that clients do not come back in step.
    """

    attempts: int = 3
    base: float = 0.05
    limit: float = 5.0

    NEVER: ClassVar[Retry]

    def pause(self, failures: int, dice: float) -> float | None:
        """Seconds to wait after the ``failures``-th failure (1 is the first), None when it was the last one.

        ``dice`` is a random number from 0 to 1.
        """
        if failures >= self.attempts:
            return None
        return backoff(failures, self.base, self.limit, dice)

    def is_temporary(self, status: int) -> bool:
        """True for a status that may go away by itself: 429 and the 5xx (but 501)."""
        return status in _TEMPORARY


Retry.NEVER = Retry(attempts=1)


def backoff(failures: int, base: float, limit: float, dice: float) -> float:
    """Exponential back-off in seconds with up to a half taken off by ``dice`` (0 to 1)."""
    full = min(limit, base * 2 ** min(failures - 1, 30))
    return full * (1 - dice / 2)
