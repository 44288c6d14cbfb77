"""The tool's log: one logger, lines as the other tools write them, Consul's names of levels."""

from __future__ import annotations

import logging
from typing import Final

from pyconsul.toolkit import logs
from pyconsul_snapshot_agent.config import Log

ROOT: Final = "pyconsul_snapshot_agent"
logger: Final = logging.getLogger(f"{ROOT}.main")


def setup(log: Log) -> None:
    """Make the log write. Raises ConfigError."""
    level = "ERR" if log.level.lower() == "error" else log.level
    facility = log.syslog_facility if log.enable_syslog else ""
    logs.setup(ROOT, level, syslog_facility=facility, syslog_name="consul-snapshot")
