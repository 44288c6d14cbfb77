"""The bodies of catalog registrations: their fields, and Go's names of their types for errors."""

from __future__ import annotations

from typing import Any, Final

from pyconsul.primitives.durations import format_duration
from pyconsul.structs.definition_shapes import (
    CONNECT,
    HEALTH_CHECK_ID,
    LOCALITY,
    PROXY,
    SERVICE_ADDRESS,
    SERVICE_KIND,
    WEIGHTS,
)
from pyconsul.structs.lenient import ListOf, MapOf, Shape, Type
from pyconsul.structs.scalar_kinds import (
    BOOL,
    DURATION,
    HEADERS,
    INT,
    STRING,
    STRING_MAP,
    STRINGS,
    UINT,
    UINT64,
    json_only,
    named_string,
)

__all__ = ["DEREGISTRATION", "REGISTRATION"]


def _duration_text(value: Any, path: str) -> str:
    nanoseconds: int = DURATION.json(value, path)
    return format_duration(nanoseconds) if nanoseconds else ""


_DURATION_TEXT: Final = json_only("time.Duration", _duration_text)
_INDEXES: Final[dict[str, Type]] = {"CreateIndex": UINT64, "ModifyIndex": UINT64}
_RAFT_INDEX: Final = dict.fromkeys(_INDEXES, "RaftIndex")

NODE_SERVICE: Final = Shape(
    "NodeService",
    {
        "Kind": SERVICE_KIND,
        "ID": STRING,
        "Service": STRING,
        "Tags": STRINGS,
        "Address": STRING,
        "TaggedAddresses": MapOf(SERVICE_ADDRESS),
        "Meta": STRING_MAP,
        "Port": INT,
        "SocketPath": STRING,
        "Weights": WEIGHTS,
        "EnableTagOverride": BOOL,
        "Locality": LOCALITY,
        "Proxy": PROXY,
        "Connect": CONNECT,
        "PeerName": STRING,
        **_INDEXES,
    },
    embedded=_RAFT_INDEX,
)
_DEFINITION: Final = Shape(
    "HealthCheckDefinition",
    {
        "Interval": _DURATION_TEXT,
        "OutputMaxSize": UINT,
        "Timeout": _DURATION_TEXT,
        "DeregisterCriticalServiceAfter": _DURATION_TEXT,
        "HTTP": STRING,
        "TLSServerName": STRING,
        "TLSSkipVerify": BOOL,
        "Header": HEADERS,
        "Method": STRING,
        "Body": STRING,
        "DisableRedirects": BOOL,
        "TCP": STRING,
        "TCPUseTLS": BOOL,
        "UDP": STRING,
        "H2PING": STRING,
        "OSService": STRING,
        "H2PingUseTLS": BOOL,
        "ScriptArgs": STRINGS,
        "DockerContainerID": STRING,
        "Shell": STRING,
        "GRPC": STRING,
        "GRPCUseTLS": BOOL,
        "AliasNode": STRING,
        "AliasService": STRING,
        "SessionName": STRING,
        "TTL": DURATION,
    },
    wrapped=True,
    lax=True,
    go="struct { Interval interface {}; Timeout interface {}; DeregisterCriticalServiceAfter interface {}; "
    "TTL interface {}; *structs.Alias }",
)
HEALTH_CHECK: Final = Shape(
    "HealthCheck",
    {
        "Node": STRING,
        "CheckID": HEALTH_CHECK_ID,
        "Name": STRING,
        "Status": STRING,
        "Notes": STRING,
        "Output": STRING,
        "ServiceID": STRING,
        "ServiceName": STRING,
        "ServiceTags": STRINGS,
        "Type": STRING,
        "Interval": STRING,
        "Timeout": STRING,
        "ExposedPort": INT,
        "PeerName": STRING,
        "Definition": _DEFINITION,
        **_INDEXES,
    },
    embedded=_RAFT_INDEX,
)
REGISTRATION: Final = Shape(
    "RegisterRequest",
    {
        "Datacenter": STRING,
        "Token": STRING,
        "ID": named_string("types.NodeID"),
        "Node": STRING,
        "Address": STRING,
        "TaggedAddresses": STRING_MAP,
        "NodeMeta": STRING_MAP,
        "Service": NODE_SERVICE,
        "Check": HEALTH_CHECK,
        "Checks": ListOf(HEALTH_CHECK, go="structs.HealthChecks", plain=True),
        "Locality": LOCALITY,
        "SkipNodeUpdate": BOOL,
        "PeerName": STRING,
        **_INDEXES,
    },
    embedded={**_RAFT_INDEX, "Token": "WriteRequest"},
)
DEREGISTRATION: Final = Shape(
    "DeregisterRequest",
    {
        "Datacenter": STRING,
        "Token": STRING,
        "Node": STRING,
        "ServiceID": STRING,
        "CheckID": HEALTH_CHECK_ID,
        "PeerName": STRING,
    },
    ignored={"Address": STRING},
    embedded={"Token": "WriteRequest"},
    wrapped=True,
    go="struct { Address string; *structs.Alias }",
)
