"""Answers to gRPC health checks: a serving state, or a GrpcError."""

from __future__ import annotations

from pyconsul.agent.checks.grpc_probe import GrpcError, health_state
from pyconsul.agent.checks.h2_connection import H2Answer

SEEDS = [b"\0\0\0\0\2\x08\x01", b"\0\0\0\0\7\x08\x02\x12\3abc", b"\0\0\0\0\0", b"\1\0\0\0\1x"]
TOKENS = [b"\x08", b"\x12", b"\x80", b"\xff", b"\0\0\0\0", b"\x0d", b"\x09"]


def run(data: bytes) -> None:
    """Read the answer."""
    answer = H2Answer(headers={":status": "200", "grpc-status": "0"}, body=bytearray(data))
    try:
        assert isinstance(health_state(answer), int)
    except GrpcError as error:
        assert str(error)
