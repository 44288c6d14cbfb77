"""Metrics and logging: what a room tells about itself. Knows nothing of Consul's rooms.

Use as ``log = logger("agent.server.raft")`` and ``metrics.incr("kvs.apply")``.
"""

from pyconsul.telemetry import metrics
from pyconsul.telemetry.logging import Level, Logger, logger

__all__ = ["Level", "Logger", "logger", "metrics"]
