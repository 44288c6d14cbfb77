"""Keys that may not be locked yet because the session that held them was invalidated."""

from collections.abc import Iterable
from typing import Final

_FEW: Final = 1024  # keys among which it is not worth while to look for those whose time is over


class LockDelays:
    """Keys and the times (seconds, any monotonic clock) until which they are held back."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._most = _FEW

    def __len__(self) -> int:
        return len(self._until)

    def hold(self, keys: Iterable[str], now: float, seconds: float) -> None:
        """Refuse locks of ``keys`` for so long."""
        for key in keys:
            self._until[key] = now + seconds
        if len(self) > self._most:
            self._until = {key: until for key, until in self._until.items() if until > now}
            self._most = max(2 * len(self), _FEW)  # so that a key is looked at twice on average

    def seconds_left(self, key: str, now: float) -> float:
        """For how long the key is still held back, 0 for not at all; forgets it once the time is over."""
        left = self._until.get(key, now) - now
        if left > 0:
            return left
        self._until.pop(key, None)
        return 0.0
