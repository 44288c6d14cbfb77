"""A server that is nothing but its log, for what a leader writes there by itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pyconsul.structs.errors import InternalError

MINUTE_NS = 60 * 10**9


class Log:
    """Takes entries, but for those of the numbers (from 1) in ``bad``, which fail; ``tried`` has them all."""

    def __init__(self, bad: range = range(0), last_index: int = 0) -> None:
        self.config = SimpleNamespace(
            datacenter="dc1",
            dev_mode=False,
            tombstone_ttl=15 * MINUTE_NS,
            tombstone_granularity=MINUTE_NS // 2,
        )
        self.consensus = SimpleNamespace(last_index=last_index)
        self.bad = bad
        self.tried: list[Any] = []
        self.written: list[Any] = []

    async def propose(self, number: int, request: Any) -> None:
        """One entry. Raises InternalError for a bad one."""
        del number
        self.tried.append(request)
        if len(self.tried) in self.bad:
            raise InternalError("no leader")
        self.written.append(request)
