"""Config entries from the configuration, written once by a leader."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pyconsul.server.state.config_entry_reads import entry_named
from pyconsul.structs.config_entries.requests import UPSERT_CAS, ConfigEntryRequest
from pyconsul.structs.config_entries.service_intentions import ServiceIntentions
from pyconsul.structs.errors import InternalError
from pyconsul.structs.messages import MessageType
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server
    from pyconsul.structs.config_entries.entry import ConfigEntry

log = logger("agent.server")


async def write_bootstrap_entries(server: Server, entries: Iterable[ConfigEntry]) -> None:
    """Write those entries of which there is none of that kind and name; one that is there stays as it is."""
    for entry in entries:
        if entry_named(server.db, entry.kind, entry.name) is not None:
            continue
        what = f"{entry.kind}/{entry.name}"
        if entry.kind == ServiceIntentions.kind and not server.config.connect_enabled:
            log.error("Connect must be enabled to bootstrap intentions", entry=what)
            continue
        request = ConfigEntryRequest(Op=UPSERT_CAS, Entry=entry, Datacenter=server.config.datacenter)
        try:
            await server.propose(MessageType.CONFIG_ENTRY, request)
        except InternalError as error:
            # Consul gives up its leadership over this; a single server would never come up.
            log.error("failed to apply configuration entry", entry=what, error=error.text)
