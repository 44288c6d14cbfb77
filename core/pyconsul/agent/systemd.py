"""Tells systemd that the agent is ready, for units of ``Type=notify`` (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from typing import Final

from pyconsul.telemetry.logging import logger

__all__ = ["tell_ready"]

_READY: Final = b"READY=1"
_log = logger("agent")


def tell_ready() -> None:
    """Send ``READY=1`` to ``NOTIFY_SOCKET``; nothing without one. That nobody listens there is no reason to stop."""
    where = os.environ.get("NOTIFY_SOCKET", "")
    if not where:
        return
    address = f"\0{where[1:]}" if where.startswith("@") else where  # Linux' abstract names
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to_systemd:
        try:
            to_systemd.connect(address)
            to_systemd.send(_READY)
        except OSError as error:
            _log.debug("systemd notify failed", error=error)
