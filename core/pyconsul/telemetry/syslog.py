"""Log lines for the local syslog, in its form (RFC 3164): without their own time and level, which syslog has."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Sequence
from logging.handlers import SysLogHandler
from typing import Final

from pyconsul.telemetry.logging import Level, Record, as_json, as_text

__all__ = ["SyslogSink", "packet_text"]

TAG: Final = "consul"
DEVICES: Final = ("/dev/log", "/var/run/syslog", "/var/run/log")
"""Where a daemon may listen; the first that does gets the lines."""

# As Consul passes its levels on, one step down.
_PRIORITIES: Final = {
    Level.TRACE: SysLogHandler.LOG_DEBUG,
    Level.DEBUG: SysLogHandler.LOG_INFO,
    Level.INFO: SysLogHandler.LOG_NOTICE,
    Level.WARN: SysLogHandler.LOG_WARNING,
    Level.ERROR: SysLogHandler.LOG_ERR,
}


def packet_text(at: float, tag: str, line: str) -> str:
    """What the daemon gets behind the priority, as RFC 3164 has it on one machine; ``at`` in Unix seconds."""
    stamp = time.strftime("%b %e %H:%M:%S", time.localtime(at))
    return f"{stamp} {tag}[{os.getpid()}]: {line.rstrip()}\n"


class SyslogSink:
    """Passes lines to the syslog daemon; lines that it cannot take at once are lost.

    Raises ValueError for an unknown facility, OSError where no daemon listens.
    """

    def __init__(
        self, facility: str, level: Level = Level.INFO, *, json_lines: bool = False, devices: Sequence[str] = DEVICES
    ) -> None:
        code = SysLogHandler.facility_names.get(facility.lower())
        if code is None:
            raise ValueError(f"invalid syslog facility: {facility}")
        self.level = level
        self._facility = code << 3  # a packet's priority is facility × 8 + severity (RFC 3164, section 4.1.1)
        self._json = json_lines
        self._devices = devices
        self._socket = self._connected()

    def write(self, record: Record) -> None:
        """Pass one line on. A daemon that was started anew is found again."""
        line = as_json(record) if self._json else as_text(record).partition("]")[2].lstrip()
        priority = self._facility | _PRIORITIES.get(record.level, SysLogHandler.LOG_NOTICE)
        packet = f"<{priority}>{packet_text(record.time, TAG, line)}".encode("utf-8", "replace")
        try:
            self._socket.send(packet)
        except BlockingIOError:
            return  # full: logging must not wait
        except OSError:
            if self.level is not Level.OFF:
                self._send_anew(packet)

    def close(self) -> None:
        """Pass nothing on any more."""
        self.level = Level.OFF
        self._socket.close()

    def _send_anew(self, packet: bytes) -> None:
        with contextlib.suppress(OSError):
            fresh = self._connected()
            self._socket.close()
            self._socket = fresh
            self._socket.send(packet)

    def _connected(self) -> socket.socket:
        for device in self._devices:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                made.connect(device)
            except OSError:
                made.close()
            else:
                made.setblocking(False)
                return made
        raise OSError("Unix syslog delivery error")
