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

    def is_held(self, key: str, now: float) -> bool:
        """Whether the key is held back; forgets it once the time is over."""
        until = self._until.get(key)
        if until is None:
            return False
        if until > now:
            return True
        del self._until[key]
        return False
