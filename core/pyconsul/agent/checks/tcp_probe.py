"""TCP checks: a connection, with a TLS handshake on demand, is all they ask for."""

from __future__ import annotations

import asyncio
import contextlib

from pyconsul.agent.checks.dialing import DialError, dial
from pyconsul.agent.checks.probes import ProbeSettings, Result, check_kind, timeout_of
from pyconsul.structs.health import CRITICAL, PASSING
from pyconsul.telemetry import logger

_log = logger("agent")


@check_kind("tcp")
class TcpProbe:
    """Connects to ``host:port``."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._id = settings.check_id
        self._check = settings.type
        self._kind = "TCP+TLS" if settings.type.TCPUseTLS else "TCP"
        self._context = settings.tls(settings.type) if settings.type.TCPUseTLS else None

    async def attempt(self) -> Result:
        """Passing once connected, else critical."""
        address = self._check.TCP
        try:
            async with asyncio.timeout(timeout_of(self._check)):
                _, writer = await dial(address, self._context, self._check.TLSServerName)
        except TimeoutError:
            return self._failed(f"dial tcp {address}: i/o timeout")
        except DialError as error:
            return self._failed(str(error))
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1.0):
                await writer.wait_closed()
        return Result(PASSING, f"{self._kind} connect {address}: Success")

    def _failed(self, text: str) -> Result:
        _log.warn(f"Check {self._kind} connection failed", check=self._id, error=text)
        return Result(CRITICAL, text)

    async def close(self) -> None:
        """Nothing is held."""
