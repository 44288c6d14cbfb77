"""Keys that may not be locked yet because the session that held them was invalidated."""

from collections.abc import Iterable


class LockDelays:
    """Keys and the times (seconds, any monotonic clock) until which they are held back."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def hold(self, keys: Iterable[str], until: float) -> None:
        """Refuse locks of ``keys`` until then."""
        for key in keys:
            self._until[key] = until

    def seconds_left(self, key: str, now: float) -> float:
        """For how long the key is still held back, 0 for not at all; forgets it once the time is over."""
        left = self._until.get(key, now) - now
        if left > 0:
            return left
        self._until.pop(key, None)
        return 0.0
