"""How many requests a server takes: ``limits.request_limits`` for reads and writes, ``limits.rpc_rate`` for all."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

import msgspec

from pyconsul.primitives.token_bucket import TokenBucket
from pyconsul.structs.errors import TooManyRequests, Unavailable
from pyconsul.telemetry import metrics
from pyconsul.telemetry.logging import logger

__all__ = ["ASKED_BY", "RPC_BURST", "RequestLimits", "RequestRates"]

log = logger("agent.server.rpc-rate-limit")

_EXCEEDED: Final = "rpc.rate_limit.exceeded"
_RPC_EXCEEDED: Final = "client.rpc.exceeded"
RPC_BURST: Final = 1000  # ``limits.rpc_max_burst`` by default
# Whose request this is, for the log: ``address:port`` of a client; what the agent asks by itself comes from nobody.
ASKED_BY: Final[ContextVar[str]] = ContextVar("asked_by", default="<nil>")
_BURST_FACTOR: Final = 10  # seconds of the rate that may come at once
_TOO_MANY: Final = "RPC rate limit exceeded"
_ELSEWHERE: Final = "rate limit exceeded, try again later or against a different server"
_LATER: Final = "rate limit exceeded for operation that can only be performed by the leader, try again later"

# What Consul counts as a write; what is in neither set is a read.
_WRITES: Final = frozenset(
    (
        *(
            f"ACL.{what}{how}"
            for what in ("AuthMethod", "BindingRule", "Policy", "Role", "Token")
            for how in ("Delete", "Set")
        ),
        *("ACL.Login", "ACL.Logout"),
        *("Catalog.Deregister", "Catalog.Register"),
        *("ConfigEntry.Apply", "ConfigEntry.Delete"),
        *("Coordinate.Update", "FederationState.Apply", "Intention.Apply", "Internal.EventFire", "KVS.Apply"),
        "PreparedQuery.Apply",
        *("Session.Apply", "Session.Renew", "Txn.Apply"),
    )
)
_EXEMPT: Final = frozenset(
    (
        *("Operator.AutopilotGetConfiguration", "Operator.AutopilotSetConfiguration", "Operator.AutopilotState"),
        *("Operator.RaftGetConfiguration", "Operator.RaftRemovePeerByAddress", "Operator.RaftRemovePeerByID"),
        *("Operator.ServerHealth", "Snapshot.Restore", "Snapshot.Save"),
        *("Status.Leader", "Status.Peers", "Status.Ping"),
    )
)


class RequestRates(msgspec.Struct, frozen=True, kw_only=True):
    """Requests a second. ``mode`` is that of reads and writes."""

    mode: str = "disabled"  # permissive tells of what is too much, enforcing refuses it
    read: float = math.inf
    write: float = math.inf
    rpc: float = math.inf
    rpc_burst: int = RPC_BURST


class RequestLimits:
    """Admits requests to one server. ``clock`` tells seconds."""

    def __init__(self, rates: RequestRates, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.configure(rates)

    def configure(self, rates: RequestRates) -> None:
        """Admit by these rates from now on, with full buckets."""
        now = self._clock()
        self._mode = rates.mode
        self._reads = TokenBucket(rates.read, _burst(rates.read), now)
        self._writes = TokenBucket(rates.write, _burst(rates.write), now)
        self._all = TokenBucket(rates.rpc, rates.rpc_burst, now)
        self.active = rates.mode != "disabled" or not math.isinf(rates.rpc)

    def admit(self, method: str) -> None:
        """Raise TooManyRequests or Unavailable, in Consul's words, where a request is too much."""
        if not self.active:
            return
        now = self._clock()
        if not self._all.take(now):
            metrics.incr(_RPC_EXCEEDED)
            raise TooManyRequests(_TOO_MANY)
        if self._mode == "disabled" or method in _EXEMPT:
            return
        if method in _WRITES:
            if not self._writes.take(now) and self._is_enforced(method, "global/write"):
                raise Unavailable(_LATER)  # who leads cannot send elsewhere
        elif not self._reads.take(now) and self._is_enforced(method, "global/read"):
            raise TooManyRequests(_ELSEWHERE)

    def _is_enforced(self, method: str, limit: str) -> bool:
        """Note that a limit was exceeded; whether that is more than a note."""
        enforced = self._mode == "enforcing"
        told = {"source_addr": ASKED_BY.get(), "limit_type": limit, "limit_enforced": enforced}
        log.debug("RPC exceeded allowed rate limit", rpc=method, **told)
        metrics.incr(_EXCEEDED, labels=(("limit_type", limit), ("op", method), ("mode", self._mode)))
        return enforced


def _burst(rate: float) -> int:
    """How many may come at once. A rate below 1 admits nothing, as in Consul: its whole part is what counts."""
    return 0 if math.isinf(rate) else int(rate) * _BURST_FACTOR


metrics.declare("counter", _EXCEEDED, _RPC_EXCEEDED)
