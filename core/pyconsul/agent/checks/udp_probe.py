"""UDP checks: an empty datagram out; an answer, or silence, is fine, an ICMP refusal is not."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from pyconsul.agent.checks.dialing import DialError, resolve
from pyconsul.agent.checks.probes import ProbeSettings, Result, check_kind
from pyconsul.primitives.dialing import broken_text, dial_text, joined
from pyconsul.structs.health import CRITICAL, PASSING
from pyconsul.telemetry import logger

_log = logger("agent")


@check_kind("udp")
class UdpProbe:
    """Sends to ``host:port`` and listens. As in Consul no time limit ends that: silence is no verdict."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._id = settings.check_id
        self._check = settings.type

    async def attempt(self) -> Result:
        """Passing on an answer, critical on a refusal."""
        address = self._check.UDP
        try:
            host, port = (await resolve(address, "udp"))[0]
        except DialError as error:
            return self._failed("Check socket connection failed", str(error))
        # A socket of our own: asyncio's transports do not send empty datagrams.
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            line.setblocking(False)
            try:
                line.connect((host, port))
                line.send(b"")
            except OSError as error:
                return self._failed("Check socket connection failed", dial_text("udp", joined(host, port), error))
            try:
                await asyncio.get_running_loop().sock_recv(line, 1)
            except OSError as error:
                return self._failed("Check socket read failed", broken_text(_ends(line, host, port), error))
        return Result(PASSING, f"UDP connect {address}: Success")

    def _failed(self, what: str, text: str) -> Result:
        _log.warn(what, check=self._id, error=text)
        return Result(CRITICAL, text)


def _ends(line: socket.socket, host: str, port: int) -> str:
    """Both ends as errors name them: an any-address became one of this machine's when it was connected to."""
    with suppress(OSError):  # port 0 is no place to be connected to
        host, port = line.getpeername()[:2]
    return f"udp {joined(*line.getsockname()[:2])}->{joined(host, port)}"
