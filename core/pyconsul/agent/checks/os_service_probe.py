"""Checks of the operating system's services: Consul knows them on Windows only, and says so elsewhere."""

from __future__ import annotations

from pyconsul.agent.checks.probes import NotImplementedHere, ProbeSettings, Result, check_kind
from pyconsul.telemetry import logger

_log = logger("agent")


@check_kind("os_service")
class OsServiceProbe:
    """Refuses to be made: there is no such check on this system, as with Consul itself."""

    def __init__(self, settings: ProbeSettings) -> None:
        del settings
        _log.error("error creating OS Service client", error="not implemented")
        raise NotImplementedHere("not implemented")

    async def attempt(self) -> Result:
        """Never reached."""
        raise NotImplementedHere("not implemented")
