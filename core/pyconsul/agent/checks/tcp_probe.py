"""TCP checks: a connection, with a TLS handshake on demand, is all they ask for."""

from __future__ import annotations

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
        self._trust = settings.trust() if settings.type.TCPUseTLS else None

    async def attempt(self) -> Result:
        """Passing once connected, else critical."""
        address = self._check.TCP
        try:
            link = await dial(address, self._trust, self._check.TLSServerName, timeout_of(self._check))
        except DialError as error:
            text = str(error)
            _log.warn(f"Check {self._kind} connection failed", check=self._id, error=text)
            return Result(CRITICAL, text)
        link.close()
        return Result(PASSING, f"{self._kind} connect {address}: Success")
