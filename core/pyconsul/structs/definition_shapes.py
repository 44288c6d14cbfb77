"""The fields of service and check definitions, in every spelling that API and configuration take.

Rows follow Consul's Go types (service and check definitions, check types, proxy configuration) and their JSON twins.
"""

from __future__ import annotations

from typing import Final

from pyconsul.structs.lenient import ListOf, MapOf, Shape, Type
from pyconsul.structs.scalar_kinds import (
    BOOL,
    DURATION,
    HEADERS,
    INT,
    OPAQUE,
    STRING,
    STRING_MAP,
    STRINGS,
    named_string,
)

__all__ = [
    "CHECK",
    "CHECK_OF_SERVICE",
    "CONNECT",
    "HEALTH_CHECK_ID",
    "LOCALITY",
    "PROXY",
    "SERVICE",
    "SERVICE_ADDRESS",
    "SERVICE_KIND",
    "WEIGHTS",
]

HEALTH_CHECK_ID: Final = named_string("types.CheckID")
SERVICE_KIND: Final = named_string("structs.ServiceKind")

_CHECK_FIELDS: Final[dict[str, Type]] = {
    "Name": STRING,
    "Status": STRING,
    "Notes": STRING,
    "ScriptArgs": STRINGS,
    "HTTP": STRING,
    "H2PING": STRING,
    "H2PingUseTLS": BOOL,
    "Header": HEADERS,
    "Method": STRING,
    "Body": STRING,
    "DisableRedirects": BOOL,
    "TCP": STRING,
    "TCPUseTLS": BOOL,
    "UDP": STRING,
    "Interval": DURATION,
    "AliasNode": STRING,
    "AliasService": STRING,
    "DockerContainerID": STRING,
    "Shell": STRING,
    "GRPC": STRING,
    "GRPCUseTLS": BOOL,
    "OSService": STRING,
    "TLSServerName": STRING,
    "TLSSkipVerify": BOOL,
    "Timeout": DURATION,
    "TTL": DURATION,
    "SuccessBeforePassing": INT,
    "FailuresBeforeWarning": INT,
    "FailuresBeforeCritical": INT,
    "DeregisterCriticalServiceAfter": DURATION,
    "OutputMaxSize": INT,
}
_CHECK_TWINS: Final = {
    "args": "ScriptArgs",
    "script_args": "ScriptArgs",
    "deregister_critical_service_after": "DeregisterCriticalServiceAfter",
    "docker_container_id": "DockerContainerID",
    "tls_server_name": "TLSServerName",
    "tls_skip_verify": "TLSSkipVerify",
    "tcp_use_tls": "TCPUseTLS",
    "grpc_use_tls": "GRPCUseTLS",
    "h2ping_use_tls": "H2PingUseTLS",
}
_GO_DURATIONS: Final = "; ".join(
    f"{name} interface {{}}" for name in ("Interval", "Timeout", "TTL", "DeregisterCriticalServiceAfter")
)
_GO_TWINS: Final = (
    r'Args []string "json:\"args\""; ScriptArgsSnake []string "json:\"script_args\""; '
    r'DeregisterCriticalServiceAfterSnake interface {} "json:\"deregister_critical_service_after\""; '
    r'DockerContainerIDSnake string "json:\"docker_container_id\""; '
    r'TLSServerNameSnake string "json:\"tls_server_name\""; TLSSkipVerifySnake bool "json:\"tls_skip_verify\""; '
    r'TCPUseTLSSnake bool "json:\"tcp_use_tls\""; GRPCUseTLSSnake bool "json:\"grpc_use_tls\""; '
)
_GO_CHECK: Final = (
    f"struct {{ {_GO_DURATIONS}; {_GO_TWINS}"
    r'ServiceIDSnake string "json:\"service_id\""; H2PingUseTLSSnake bool "json:\"h2ping_use_tls\""; '
    r'DisableRedirectsSnake bool "json:\"disable_redirects\""; *structs.Alias }'
)
_GO_CHECK_TYPE: Final = (
    f"struct {{ {_GO_DURATIONS}; {_GO_TWINS}"
    r'H2PingUseTLSSnake bool "json:\"h2ping_use_tls\""; ServiceID string "json:\"ServiceID\""; '
    r'ServiceIDSnake string "json:\"service_id\""; *structs.Alias }'
)
_CHECK_CONFIG: Final = {
    "id": "ID",
    "name": "Name",
    "notes": "Notes",
    "service_id": "ServiceID",
    "token": "Token",
    "status": "Status",
    "args": "ScriptArgs",
    "http": "HTTP",
    "header": "Header",
    "method": "Method",
    "body": "Body",
    "disable_redirects": "DisableRedirects",
    "output_max_size": "OutputMaxSize",
    "tcp": "TCP",
    "tcp_use_tls": "TCPUseTLS",
    "udp": "UDP",
    "interval": "Interval",
    "docker_container_id": "DockerContainerID",
    "shell": "Shell",
    "grpc": "GRPC",
    "grpc_use_tls": "GRPCUseTLS",
    "tls_server_name": "TLSServerName",
    "tls_skip_verify": "TLSSkipVerify",
    "alias_node": "AliasNode",
    "alias_service": "AliasService",
    "timeout": "Timeout",
    "ttl": "TTL",
    "h2ping": "H2PING",
    "h2ping_use_tls": "H2PingUseTLS",
    "os_service": "OSService",
    "success_before_passing": "SuccessBeforePassing",
    "failures_before_warning": "FailuresBeforeWarning",
    "failures_before_critical": "FailuresBeforeCritical",
    "deregister_critical_service_after": "DeregisterCriticalServiceAfter",
}

CHECK: Final = Shape(
    name="CheckDefinition",
    wrapped=True,
    fields={"ID": HEALTH_CHECK_ID, "ServiceID": STRING, "Token": STRING, **_CHECK_FIELDS},
    go=_GO_CHECK,
    snake={**_CHECK_TWINS, "service_id": "ServiceID", "disable_redirects": "DisableRedirects"},
    config=_CHECK_CONFIG,
)
CHECK_OF_SERVICE: Final = Shape(
    name="CheckType",
    wrapped=True,
    fields={
        "CheckID": HEALTH_CHECK_ID,
        **_CHECK_FIELDS,
        "ProxyHTTP": STRING,
        "ProxyGRPC": STRING,
    },
    go=_GO_CHECK_TYPE,
    snake=_CHECK_TWINS,
    ignored={"ServiceID": STRING, "service_id": STRING},
)
# In configuration a check inside a service is an ordinary check definition.
_CHECK_IN_SERVICE: Final = Shape(
    name="CheckType",
    wrapped=True,
    go=CHECK_OF_SERVICE.go,
    fields={**CHECK_OF_SERVICE.fields, "ID": STRING, "ServiceID": STRING, "Token": STRING},
    snake=CHECK_OF_SERVICE.snake,
    ignored=CHECK_OF_SERVICE.ignored,
    config=_CHECK_CONFIG,
    config_only=frozenset({"ID", "ServiceID", "Token"}),
)

_MESH_GATEWAY: Final = Shape(
    "MeshGatewayConfig", {"Mode": named_string("structs.MeshGatewayMode")}, config={"mode": "Mode"}
)
_TRANSPARENT_PROXY: Final = Shape(
    "TransparentProxyConfig",
    {"OutboundListenerPort": INT, "DialedDirectly": BOOL},
    config={"outbound_listener_port": "OutboundListenerPort", "dialed_directly": "DialedDirectly"},
)
_ACCESS_LOGS: Final = Shape(
    "AccessLogsConfig",
    {
        "Enabled": BOOL,
        "DisableListenerLogs": BOOL,
        "Type": named_string("structs.LogSinkType"),
        "Path": STRING,
        "JSONFormat": STRING,
        "TextFormat": STRING,
    },
)
_EXPOSE_PATH: Final = Shape(
    wrapped=True,
    name="ExposePath",
    fields={"ListenerPort": INT, "Path": STRING, "LocalPathPort": INT, "Protocol": STRING, "ParsedFromCheck": BOOL},
    snake={
        "listener_port": "ListenerPort",
        "local_path_port": "LocalPathPort",
        "parsed_from_check": "ParsedFromCheck",
    },
    config={
        "listener_port": "ListenerPort",
        "path": "Path",
        "local_path_port": "LocalPathPort",
        "protocol": "Protocol",
    },
)
_EXPOSE: Final = Shape(
    "ExposeConfig",
    {"Checks": BOOL, "Paths": ListOf(_EXPOSE_PATH), "Port": INT},
    config={"checks": "Checks", "paths": "Paths", "port": "Port"},
    config_only=frozenset({"Port"}),
)
_UPSTREAM: Final = Shape(
    wrapped=True,
    name="Upstream",
    fields={
        "DestinationType": STRING,
        "DestinationNamespace": STRING,
        "DestinationPartition": STRING,
        "DestinationPeer": STRING,
        "DestinationName": STRING,
        "Datacenter": STRING,
        "LocalBindAddress": STRING,
        "LocalBindPort": INT,
        "LocalBindSocketPath": STRING,
        "LocalBindSocketMode": STRING,
        "Config": OPAQUE,
        "MeshGateway": _MESH_GATEWAY,
        "CentrallyConfigured": BOOL,
    },
    snake={
        "destination_type": "DestinationType",
        "destination_partition": "DestinationPartition",
        "destination_namespace": "DestinationNamespace",
        "destination_peer": "DestinationPeer",
        "destination_name": "DestinationName",
        "local_bind_address": "LocalBindAddress",
        "local_bind_port": "LocalBindPort",
        "local_bind_socket_path": "LocalBindSocketPath",
        "local_bind_socket_mode": "LocalBindSocketMode",
        "mesh_gateway": "MeshGateway",
    },
    config={
        "destination_type": "DestinationType",
        "destination_namespace": "DestinationNamespace",
        "destination_partition": "DestinationPartition",
        "destination_peer": "DestinationPeer",
        "destination_name": "DestinationName",
        "datacenter": "Datacenter",
        "local_bind_address": "LocalBindAddress",
        "local_bind_port": "LocalBindPort",
        "local_bind_socket_path": "LocalBindSocketPath",
        "local_bind_socket_mode": "LocalBindSocketMode",
        "config": "Config",
        "mesh_gateway": "MeshGateway",
    },
)
_ENVOY_EXTENSION: Final = Shape(
    "EnvoyExtension",
    {"Name": STRING, "Required": BOOL, "Arguments": OPAQUE, "ConsulVersion": STRING, "EnvoyVersion": STRING},
)
PROXY: Final = Shape(
    wrapped=True,
    name="ConnectProxyConfig",
    fields={
        "EnvoyExtensions": ListOf(_ENVOY_EXTENSION),
        "DestinationServiceName": STRING,
        "DestinationServiceID": STRING,
        "LocalServiceAddress": STRING,
        "LocalServicePort": INT,
        "LocalServiceSocketPath": STRING,
        "Mode": named_string("structs.ProxyMode"),
        "Config": OPAQUE,
        "Upstreams": ListOf(_UPSTREAM, go="structs.Upstreams"),
        "MeshGateway": _MESH_GATEWAY,
        "Expose": _EXPOSE,
        "TransparentProxy": _TRANSPARENT_PROXY,
        "AccessLogs": _ACCESS_LOGS,
    },
    snake={
        "destination_service_name": "DestinationServiceName",
        "destination_service_id": "DestinationServiceID",
        "local_service_address": "LocalServiceAddress",
        "local_service_port": "LocalServicePort",
        "local_service_socket_path": "LocalServiceSocketPath",
        "mesh_gateway": "MeshGateway",
        "transparent_proxy": "TransparentProxy",
        "access_logs": "AccessLogs",
    },
    config={
        "destination_service_name": "DestinationServiceName",
        "destination_service_id": "DestinationServiceID",
        "local_service_address": "LocalServiceAddress",
        "local_service_port": "LocalServicePort",
        "local_service_socket_path": "LocalServiceSocketPath",
        "transparent_proxy": "TransparentProxy",
        "mode": "Mode",
        "config": "Config",
        "upstreams": "Upstreams",
        "mesh_gateway": "MeshGateway",
        "expose": "Expose",
    },
)
SERVICE_ADDRESS: Final = Shape(
    "ServiceAddress", {"Address": STRING, "Port": INT}, config={"address": "Address", "port": "Port"}
)
WEIGHTS: Final = Shape("Weights", {"Passing": INT, "Warning": INT}, config={"passing": "Passing", "warning": "Warning"})
LOCALITY: Final = Shape("Locality", {"Region": STRING, "Zone": STRING}, config={"region": "Region", "zone": "Zone"})

_PEER_META: Final = Shape("PeeringServiceMeta", {"SNI": STRINGS, "SpiffeID": STRINGS, "Protocol": STRING}, lax=True)
_CONNECT_FIELDS: Final[dict[str, Type]] = {"Native": BOOL, "PeerMeta": _PEER_META}
CONNECT: Final = Shape(
    "ServiceConnect",
    _CONNECT_FIELDS,
    wrapped=True,
    go=r'struct { SidecarServiceSnake *structs.ServiceDefinition "json:\"sidecar_service\""; *structs.Alias }',
    snake={"sidecar_service": "SidecarService"},
    config={"native": "Native", "sidecar_service": "SidecarService"},
    lax=True,
)
SERVICE: Final = Shape(
    wrapped=True,
    name="ServiceDefinition",
    fields={
        "Kind": SERVICE_KIND,
        "ID": STRING,
        "Name": STRING,
        "Tags": STRINGS,
        "Address": STRING,
        "TaggedAddresses": MapOf(SERVICE_ADDRESS),
        "Meta": STRING_MAP,
        "Port": INT,
        "SocketPath": STRING,
        "Check": _CHECK_IN_SERVICE,
        "Checks": ListOf(_CHECK_IN_SERVICE, go="structs.CheckTypes"),
        "Weights": WEIGHTS,
        "Token": STRING,
        "EnableTagOverride": BOOL,
        "Locality": LOCALITY,
        "Proxy": PROXY,
        "Connect": CONNECT,
    },
    snake={"enable_tag_override": "EnableTagOverride", "tagged_addresses": "TaggedAddresses"},
    config={
        "kind": "Kind",
        "id": "ID",
        "name": "Name",
        "tags": "Tags",
        "address": "Address",
        "tagged_addresses": "TaggedAddresses",
        "meta": "Meta",
        "port": "Port",
        "socket_path": "SocketPath",
        "check": "Check",
        "checks": "Checks",
        "token": "Token",
        "weights": "Weights",
        "enable_tag_override": "EnableTagOverride",
        "proxy": "Proxy",
        "connect": "Connect",
        "locality": "Locality",
    },
)
# A sidecar is a service inside a service: the ring is closed here.
_CONNECT_FIELDS["SidecarService"] = SERVICE
