"""What the servers of a cluster remember for themselves."""

from typing import TypeAlias

from pyconsul.structs.wire import WireStruct, WriteRequest

# Who holds the secret under this key is a server of this cluster.
SERVER_MANAGEMENT_TOKEN = "server-management-token"
# Any value: mesh services, and those behind terminating gateways, get virtual addresses.
VIRTUAL_IPS = "virtual-ips"
GATEWAY_VIRTUAL_IPS = "virtual-ips-term-gateway"
ENABLED = "true"


class SystemMetadataEntry(WireStruct, frozen=True, kw_only=True):
    """One value under a name."""

    Key: str = ""
    Value: str = ""
    CreateIndex: int = 0
    ModifyIndex: int = 0


_Entry: TypeAlias = SystemMetadataEntry


class SystemMetadataRequest(WriteRequest, frozen=True, kw_only=True):
    """``Op``: upsert or delete."""

    Op: str = ""
    Entry: _Entry | None = None
