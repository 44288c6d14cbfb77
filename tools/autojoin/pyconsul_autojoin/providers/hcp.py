"""HashiCorp Cloud Platform: a name that Consul knows, refused here with the reason."""

from __future__ import annotations

from dataclasses import dataclass

from pyconsul.toolkit.discovery import Lookup, Parameter


@dataclass
class Hcp:
    """Servers that HashiCorp runs; their addresses come only over HashiCorp's own service."""

    title = "HashiCorp Cloud Platform"
    parameters: tuple[Parameter, ...] = ()
    notes = "Not supported: name the servers' addresses in retry_join instead."

    async def addresses(self, ask: Lookup) -> list[str]:
        """Raises DiscoverError, always."""
        raise ask.error("HCP is not supported by py-consul; name the servers' addresses in retry_join instead")
