"""UDP checks: an empty datagram out; an answer, or silence, is fine, an ICMP refusal is not."""

from __future__ import annotations

import asyncio
import socket

from pyconsul.agent.checks.dialing import DialError, dial_text, errno_text, resolve
from pyconsul.agent.checks.probes import ProbeSettings, Result, check_kind, timeout_of
from pyconsul.structs.health import CRITICAL, PASSING
from pyconsul.telemetry import logger

_log = logger("agent")


@check_kind("udp")
class UdpProbe:
    """Sends to ``host:port`` and listens for as long as an attempt may take."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._id = settings.check_id
        self._check = settings.type

    async def attempt(self) -> Result:
        """Passing on an answer or on silence, critical on a refusal."""
        address = self._check.UDP
        loop = asyncio.get_running_loop()
        try:
            host, port = (await resolve(address, "udp"))[0]
        except DialError as error:
            return self._failed("Check socket connection failed", str(error))
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # A socket of our own: asyncio's transports do not send empty datagrams.
        with socket.socket(family, socket.SOCK_DGRAM) as line:
            line.setblocking(False)
            try:
                line.connect((host, port))
                line.send(b"")
            except OSError as error:
                return self._failed("Check socket connection failed", dial_text("udp", address, error))
            try:
                async with asyncio.timeout(timeout_of(self._check)):
                    await loop.sock_recv(line, 1)
            except TimeoutError:
                pass
            except OSError as error:
                own_host, own_port = line.getsockname()[:2]
                text = f"read udp {own_host}:{own_port}->{host}:{port}: read: {errno_text(error)}"
                return self._failed("Check socket read failed", text)
        return Result(PASSING, f"UDP connect {address}: Success")

    def _failed(self, what: str, text: str) -> Result:
        _log.warn(what, check=self._id, error=text)
        return Result(CRITICAL, text)

    async def close(self) -> None:
        """Nothing is held."""
