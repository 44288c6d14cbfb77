"""UDP checks: an empty datagram out; an answer, or silence, is fine, an ICMP refusal is not."""

from __future__ import annotations

import asyncio

from pyconsul.agent.checks.dialing import DialError, dial_text, errno_text, resolve
from pyconsul.agent.checks.probes import ProbeSettings, Result, check_kind, timeout_of
from pyconsul.structs.health import CRITICAL, PASSING
from pyconsul.telemetry import logger

_log = logger("agent")


class _Listener(asyncio.DatagramProtocol):
    """Resolves ``heard`` with the first datagram, or with the error that the kernel reports."""

    def __init__(self) -> None:
        self.heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        if not self.heard.done():
            self.heard.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.heard.done():
            self.heard.set_exception(exc)


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
        try:
            transport, listener = await loop.create_datagram_endpoint(_Listener, remote_addr=(host, port))
        except OSError as error:
            return self._failed("Check socket connection failed", dial_text("udp", address, error))
        try:
            transport.sendto(b"")
            async with asyncio.timeout(timeout_of(self._check)):
                await listener.heard
        except TimeoutError:
            pass
        except OSError as error:
            local = transport.get_extra_info("sockname") or ("", 0)
            text = f"read udp {local[0]}:{local[1]}->{host}:{port}: read: {errno_text(error)}"
            return self._failed("Check socket read failed", text)
        finally:
            transport.close()
        return Result(PASSING, f"UDP connect {address}: Success")

    def _failed(self, what: str, text: str) -> Result:
        _log.warn(what, check=self._id, error=text)
        return Result(CRITICAL, text)

    async def close(self) -> None:
        """Nothing is held."""
