"""What a leader writes down for all servers: by it they agree what entries of the log mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.server.state.system_metadata import metadata_value
from pyconsul.structs.messages import MessageType
from pyconsul.structs.system_metadata import (
    ENABLED,
    GATEWAY_VIRTUAL_IPS,
    VIRTUAL_IPS,
    SystemMetadataEntry,
    SystemMetadataRequest,
)

if TYPE_CHECKING:
    from pyconsul.server.server import Server


async def remember(server: Server, key: str, value: str) -> None:
    """Keep a value under a name."""
    entry = SystemMetadataEntry(Key=key, Value=value)
    await server.propose(MessageType.SYSTEM_METADATA, SystemMetadataRequest(Op="upsert", Entry=entry))


async def enable_virtual_ips(server: Server) -> None:
    """Let services of the mesh get virtual addresses from here on; once enabled they stay so."""
    for key in (VIRTUAL_IPS, GATEWAY_VIRTUAL_IPS):
        if not metadata_value(server.db, key):
            await remember(server, key, ENABLED)
