"""HTTP/2 PING checks: connect, with TLS unless told otherwise, and wait for the PING's answer."""

from __future__ import annotations

import asyncio

from pyconsul.agent.checks.dialing import DialError
from pyconsul.agent.checks.h2_connection import ALPN, H2Connection, H2Error
from pyconsul.agent.checks.probes import ProbeSettings, Result, check_kind, timeout_of
from pyconsul.structs.health import CRITICAL, PASSING


@check_kind("h2ping")
class H2PingProbe:
    """Pings ``host:port``."""

    def __init__(self, settings: ProbeSettings) -> None:
        self._check = settings.type
        self._trust = settings.trust(ALPN) if settings.type.H2PingUseTLS else None

    async def attempt(self) -> Result:
        """Passing once the PING came back."""
        target = self._check.H2PING
        patience = timeout_of(self._check)
        deadline = asyncio.get_running_loop().time() + patience
        try:
            async with await H2Connection.open(target, self._trust, self._check.TLSServerName, patience) as connection:
                async with asyncio.timeout_at(deadline):
                    await connection.ping()
        except DialError as error:
            return Result(CRITICAL, f"Failed to dial to {target}: {error}")
        except TimeoutError:
            return Result(CRITICAL, "HTTP2 ping failed: context deadline exceeded")
        except H2Error as error:
            return Result(CRITICAL, f"HTTP2 ping failed: {error}")
        return Result(PASSING, "HTTP2 ping was successful")
