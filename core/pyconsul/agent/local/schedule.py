"""When to compare everything with the catalog and when to send changes: the state machine of anti-entropy, without I/O.

A full sync at the start and then about every minute (longer in large clusters); changes at once, together; after a
failed full sync a retry within 15 to 30 seconds, sooner when a server appears. Time is an argument, chance too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum
from typing import Final

__all__ = ["Action", "SyncSchedule", "scale_factor"]

SCALE_THRESHOLD: Final = 128  # members
SERVER_UP_INTERVAL: Final = 3.0  # seconds, as is the next
RETRY_FAILED_INTERVAL: Final = 15.0


def scale_factor(nodes: int) -> int:
    """By how much a cluster of ``nodes`` members stretches the intervals: one more for each doubling beyond 128."""
    if nodes <= SCALE_THRESHOLD:
        return 1
    return math.ceil(math.log2(nodes) - math.log2(SCALE_THRESHOLD)) + 1


class Action(Enum):
    """What the driver must do now."""

    FULL = "full"
    PARTIAL = "partial"


class SyncSchedule:
    """Ask ``due(now)`` for the next action; sleep until ``wake_at`` while there is none.

    ``dice()`` gives a number in [0, 1); ``cluster_size()`` the members known.
    """

    def __init__(self, interval: float, dice: Callable[[], float], cluster_size: Callable[[], int]) -> None:
        self._interval = interval
        self._dice = dice
        self._cluster_size = cluster_size
        self._paused = 0
        self._changed = False
        self._retrying = False  # the last full sync failed: changes wait for the next, which takes them along
        self._full_at = 0.0
        self._wanted_at = math.inf  # when somebody asked, since the last full sync began, for another
        self._servers_are_new = True

    @property
    def paused(self) -> bool:
        """Whether bulk changes are going on."""
        return self._paused > 0

    @property
    def wake_at(self) -> float:
        """When something becomes due by itself; minus infinity when changes wait."""
        return -math.inf if self._changed and not self._retrying and not self.paused else self._full_at

    def stagger(self, seconds: float) -> float:
        """A random share of ``seconds``, stretched for large clusters."""
        return seconds * scale_factor(self._cluster_size()) * self._dice()

    def due(self, now: float) -> Action | None:
        """What to do at ``now``, or None. While paused a full sync is put off, changes wait for ``resume``."""
        if now >= self._full_at:
            self._wanted_at = math.inf
            if self.paused:
                self._fail(now)
                return None
            self._changed = False
            return Action.FULL
        if self._changed and not self._retrying and not self.paused:
            self._changed = False
            return Action.PARTIAL
        return None

    def full_done(self, now: float, *, ok: bool) -> None:
        """The full sync ended."""
        if not ok:
            self._fail(now)
            return
        self._retrying = False
        self._full_at = now + self._interval + self.stagger(self._interval)
        if self._servers_are_new:  # gossip tells of them soon after the start, which asks for another look
            self._servers_are_new = False
            # The latest moment that Consul's dice give: what a fresh agent answers must not depend on chance.
            self._full_at = min(self._full_at, now + SERVER_UP_INTERVAL)
        self._full_at = min(self._full_at, self._wanted_at)

    def _fail(self, now: float) -> None:
        self._retrying = True
        self._full_at = min(now + RETRY_FAILED_INTERVAL + self.stagger(RETRY_FAILED_INTERVAL), self._wanted_at)

    def changes(self) -> None:
        """There is something to send."""
        self._changed = True

    def full_wanted(self, now: float) -> None:
        """A server came up or a token changed: compare everything soon."""
        self._wanted_at = min(self._wanted_at, now + self.stagger(SERVER_UP_INTERVAL))
        self._full_at = min(self._full_at, self._wanted_at)

    def pause(self) -> None:
        """Hold everything back; calls nest."""
        self._paused += 1

    def resume(self) -> bool:
        """End one ``pause``. True when that was the last; changes are looked for then."""
        if not self._paused:
            raise RuntimeError("unbalanced pause/resume")
        self._paused -= 1
        if not self._paused:
            self._changed = True
        return not self._paused
