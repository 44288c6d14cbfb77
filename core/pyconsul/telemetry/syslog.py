"""Log lines for the local syslog, in its form (RFC 3164): without their own time and level, which syslog has."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import time
from collections.abc import Sequence
from logging.handlers import SysLogHandler
from typing import Final

from pyconsul.primitives.stray_bytes import as_bytes
from pyconsul.telemetry.logging import Level, Record, as_json, as_text

__all__ = ["Daemon", "SyslogSink"]

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


def _packet_text(at: float, tag: str, line: str) -> str:
    """What the daemon gets behind the priority, as RFC 3164 has it on one machine; ``at`` in Unix seconds."""
    stamp = time.strftime("%b %e %H:%M:%S", time.localtime(at))
    return f"{stamp} {tag}[{os.getpid()}]: {line.rstrip()}\n"


class Daemon:
    """The syslog daemon. Lines that it cannot take at once are lost, and one that was started anew is found again.

    Raises ValueError for an unknown facility, OSError where no daemon listens.
    """

    def __init__(self, facility: str, tag: str, devices: Sequence[str] = DEVICES) -> None:
        code = SysLogHandler.facility_names.get(facility.lower())
        if code is None:
            raise ValueError(f"invalid syslog facility: {facility}")
        self._facility = code << 3  # a packet's priority is facility × 8 + severity (RFC 3164, section 4.1.1)
        self._tag = tag
        self._devices = devices
        self._socket = self._connected()

    def send(self, severity: int, at: float, line: str) -> None:
        """Pass one line on; ``at`` in Unix seconds."""
        packet = as_bytes(f"<{self._facility | severity}>{_packet_text(at, self._tag, line)}")
        try:
            self._socket.send(packet)
        except BlockingIOError:
            return  # full: logging must not wait
        except OSError:
            if self._devices:
                self._send_anew(packet)

    def close(self) -> None:
        """Pass nothing on any more."""
        self._devices = ()
        self._socket.close()

    def _send_anew(self, packet: bytes) -> None:
        with contextlib.suppress(OSError):
            fresh = self._connected()
            self._socket.close()
            self._socket = fresh
            self._socket.send(packet)

    def _connected(self) -> socket.socket:
        for kind, device in itertools.product((socket.SOCK_DGRAM, socket.SOCK_STREAM), self._devices):
            made = socket.socket(socket.AF_UNIX, kind)
            try:
                made.connect(device)
            except OSError:
                made.close()  # daemons that ended leave their sockets behind
            else:
                made.setblocking(False)
                return made
        raise OSError("Unix syslog delivery error")


class SyslogSink:
    """Passes the agent's lines to the daemon. Raises what Daemon does."""

    def __init__(
        self, facility: str, level: Level = Level.INFO, *, json_lines: bool = False, devices: Sequence[str] = DEVICES
    ) -> None:
        self.level = level
        self._json = json_lines
        self._daemon = Daemon(facility, TAG, devices)

    def write(self, record: Record) -> None:
        """Pass one line on."""
        line = as_json(record) if self._json else as_text(record).partition("]")[2].lstrip()
        self._daemon.send(_PRIORITIES.get(record.level, SysLogHandler.LOG_NOTICE), record.time, line)

    def close(self) -> None:
        """Pass nothing on any more."""
        self.level = Level.OFF
        self._daemon.close()
