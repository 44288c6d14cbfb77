"""Telling systemd how things stand, where it asks for that (``sd_notify`` over the unix socket)."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Mapping

logger = logging.getLogger("pyconsul_watch.cli")


class Notifier:
    """Sends state lines to ``NOTIFY_SOCKET``; without one everything here does nothing."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        wanted = environ.get("WATCHDOG_USEC", "")
        self.watchdog_pause = int(wanted) / 2e6 if self._address and wanted.isdecimal() else 0.0
        """Seconds between two signs of life; 0 when nobody waits for them."""

    def ready(self, status: str) -> None:
        """The start, or a reload, is over."""
        self._send("READY=1", f"STATUS={status}")

    def status(self, status: str) -> None:
        """One line for ``systemctl status``."""
        self._send(f"STATUS={status}")

    def reloading(self) -> None:
        """A reload begins; ``ready`` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The end begins."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """A sign of life."""
        self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.connect(self._address)
                channel.sendall("\n".join(lines).encode())
        except OSError as error:
            logger.warning("cannot notify systemd: %s", error)
