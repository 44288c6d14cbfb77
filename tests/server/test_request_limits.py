"""``limits.request_limits`` and ``limits.rpc_rate``: what is too much is told, or refused."""

import pytest

from pyconsul.server.request_limits import RequestLimits, RequestRates
from pyconsul.structs.errors import TooManyRequests, Unavailable
from pyconsul.telemetry import logging


def refused(limits: RequestLimits, method: str, times: int) -> int:
    """How many of so many requests are refused."""
    count = 0
    for _ in range(times):
        try:
            limits.admit(method)
        except (TooManyRequests, Unavailable):
            count += 1
    return count


def test_reads_and_writes_have_a_rate_each() -> None:
    """Ten seconds of it may come at once; operators and status are never refused."""
    limits = RequestLimits(RequestRates(mode="enforcing", read=2, write=1), clock=lambda: 0.0)
    assert refused(limits, "KVS.Get", 25) == 5
    assert refused(limits, "KVS.Apply", 25) == 15
    assert refused(limits, "ACL.TokenClone", 1) == 1  # a read, for Consul
    assert refused(limits, "Status.Leader", 100) == refused(limits, "Operator.ServerHealth", 100) == 0


def test_a_rate_below_one_admits_nothing() -> None:
    """As in Consul, where its whole part says how many may come at once."""
    assert refused(RequestLimits(RequestRates(mode="enforcing", read=0.9)), "KVS.Get", 3) == 3


def test_a_refused_write_is_for_later_a_refused_read_for_elsewhere() -> None:
    """503 where only the leader could do it, 429 else."""
    limits = RequestLimits(RequestRates(mode="enforcing", read=0, write=0))
    with pytest.raises(TooManyRequests, match="rate limit exceeded, try again later or against a different server"):
        limits.admit("KVS.Get")
    with pytest.raises(Unavailable, match="rate limit exceeded for operation that can only be performed by the leader"):
        limits.admit("KVS.Apply")


def test_permissive_limits_only_tell() -> None:
    """In the log at DEBUG."""
    limits = RequestLimits(RequestRates(mode="permissive", read=0))
    lines = logging.Monitor(logging.Level.DEBUG)
    lines.start()
    limits.admit("KVS.Get")
    lines.stop()
    told = "RPC exceeded allowed rate limit: rpc=KVS.Get source_addr=<nil> limit_type=global/read limit_enforced=false"
    assert f"[DEBUG] agent.server.rpc-rate-limit: {told}" in lines.take()


def test_the_rate_of_all_requests_has_a_burst_of_its_own() -> None:
    """Whatever the mode of the others."""
    limits = RequestLimits(RequestRates(rpc=1, rpc_burst=3), clock=lambda: 0.0)
    assert refused(limits, "Status.Leader", 10) == 7
    with pytest.raises(TooManyRequests, match="RPC rate limit exceeded"):
        limits.admit("KVS.Get")
