"""The configuration as ``/v1/agent/self`` shows it (``DebugConfig``): Consul's names, secrets hidden."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from math import inf
from typing import TYPE_CHECKING, Any, Final, cast, get_args, get_origin, get_type_hints

import msgspec

from pyconsul.config.authorization import NAME, auth_method_settings
from pyconsul.config.bootstrap_entries import bootstrap_entries
from pyconsul.config.keyrow import Key, Kind
from pyconsul.config.keys import KEYS
from pyconsul.config.runtime import Address, RuntimeConfig
from pyconsul.config.sources import put
from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.untyped import is_dict
from pyconsul.structs.checks import CheckType
from pyconsul.structs.definitions import CheckDefinition, ServiceDefinition, with_upstream_types
from pyconsul.structs.wire import changed

if TYPE_CHECKING:
    from pyconsul.structs.config_entries.entry import ConfigEntry

HIDDEN: Final = "hidden"
_UNLIMITED: Final = 1.7976931348623157e308  # what Go's rate limiter calls infinite
_FREE_MAPS: Final = ("Config", "Meta")
_REQUEST_MODES: Final = ("disabled", "permissive", "enforcing")

# Members that Consul shows and that no key of ours stands for.
_CONSTANT: Final[dict[str, Any]] = {
    "ACLResolverSettings.EnterpriseMeta": {},
    "ACLTokens.ACLAgentRecoveryToken": HIDDEN,
    "ACLTokens.ACLAgentToken": HIDDEN,
    "ACLTokens.ACLConfigFileRegistrationToken": HIDDEN,
    "ACLTokens.ACLDNSToken": HIDDEN,
    "ACLTokens.ACLDefaultToken": HIDDEN,
    "ACLTokens.ACLReplicationToken": HIDDEN,
    "ACLTokens.EnterpriseConfig": {},
    "AutoConfig.IntroToken": HIDDEN,
    "AutoReloadConfigCoalesceInterval": "1s",
    "Cache.Logger": None,
    "Cloud.ClientSecret": HIDDEN,
    "Cloud.ManagementToken": HIDDEN,
    "Cloud.TLSConfig": None,
    "EnterpriseRuntimeConfig": {},
    "LocalProxyConfigResyncInterval": "30s",
    "Logging.Name": "",
    "Segments": [],
    "TLS.GRPC.KeyFile": HIDDEN,
    "TLS.HTTPS.KeyFile": HIDDEN,
    "TLS.InternalRPC.KeyFile": HIDDEN,
    "Telemetry.CirconusAPIToken": HIDDEN,
    "Telemetry.Disable": False,
    "Telemetry.PrometheusOpts.CounterDefinitions": [],
    "Telemetry.PrometheusOpts.GaugeDefinitions": [],
    "Telemetry.PrometheusOpts.Registerer": None,
    "Telemetry.PrometheusOpts.SummaryDefinitions": [],
}
# Keys of the table whose runtime name differs or whose value is put together below.
_APART: Final = frozenset(
    {
        "auto_config.ip_sans",
        "auto_encrypt.ip_san",
        "checks",
        "client_addr",
        "config_entries.bootstrap",
        "services",
        "watches",
    }
)


def sanitised(runtime: RuntimeConfig) -> dict[str, Any]:
    """The whole configuration, ready for JSON."""
    out: dict[str, Any] = {}
    for key in KEYS:
        if key.shown and key.name not in _APART:
            put(out, key.shown, _shown(key, _value(runtime, key.name)))
    for name, value in {**_CONSTANT, **_derived(runtime), **_auth_method(runtime)}.items():
        put(out, name, value)
    return out


def is_secret(name: str) -> bool:
    """Whether a field of this name may hold a secret."""
    name = name.lower()
    return "key" in name or "token" in name or "secret" in name


def _value(runtime: RuntimeConfig, name: str) -> Any:
    found: Any = runtime
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _shown(key: Key, value: Any) -> Any:
    if key.secret:
        return HIDDEN
    if key.kind is Kind.DURATION and isinstance(value, int):
        return format_duration(value)
    if key.kind is Kind.NUMBER:
        return _rate(cast(float, value))
    if key.name in ("retry_join", "retry_join_wan"):
        return [_without_secrets(text) for text in value]
    if key.name == "dns_config.service_ttl":
        return {name: format_duration(ttl) for name, ttl in cast("Mapping[str, int]", value).items()}
    if isinstance(value, tuple):
        return list(cast("tuple[Any, ...]", value))
    if is_dict(value):
        return {name: HIDDEN if is_secret(name) else member for name, member in value.items()}
    return value


def _rate(value: float) -> float:
    return _UNLIMITED if value == inf else value


def _without_secrets(text: str) -> str:
    """A cloud join string with the values of its secret settings hidden."""
    words = (f"{word.partition('=')[0]}={HIDDEN}" if is_secret(word) else word for word in text.split())
    return " ".join(words)


def _url(address: Address | None) -> str:
    return "" if address is None else address.url()


def _octets(address: str) -> list[int]:
    """An address as Go shows a ``net.IP``: its sixteen octets, those of IPv4 mapped into IPv6."""
    ip = ip_address(address)
    return list((IPv6Address(f"::ffff:{ip}") if ip.version == 4 else ip).packed)


def _bootstrap_entry(entry: ConfigEntry) -> ConfigEntry:
    """A config entry with the secrets in its free maps hidden."""
    maps = {name: value for name in _FREE_MAPS if (value := getattr(entry, name, None))}
    return changed(entry, **{name: _written_out(value) for name, value in maps.items()})


def _derived(runtime: RuntimeConfig) -> dict[str, Any]:
    """Members put together from several keys."""
    ports, cloud = runtime.ports, runtime.cloud
    place = runtime.locality
    return {
        "ACLResolverSettings.ACLsEnabled": runtime.acl.enabled,
        "ACLResolverSettings.Datacenter": runtime.datacenter,
        "ACLResolverSettings.NodeName": runtime.node_name,
        "ACLTokens.DataDir": runtime.data_dir,
        "AdvertiseAddrLAN": runtime.advertise_addr,
        "AdvertiseAddrWAN": runtime.advertise_addr_wan,
        "AutoConfig.IPSANs": [_octets(address) for address in runtime.auto_config.ip_sans],
        "AutoEncryptIPSAN": [_octets(address) for address in runtime.auto_encrypt.ip_san],
        "ClientAddrs": list(runtime.client_addrs),
        "Cloud.AuthURL": cloud.auth_url,
        "Cloud.ClientID": cloud.client_id,
        "Cloud.Hostname": cloud.hostname,
        "Cloud.NodeID": cloud.node_id,
        "Cloud.NodeName": runtime.node_name,
        "Cloud.ResourceID": cloud.resource_id,
        "Cloud.ScadaAddress": cloud.scada_address,
        "ConfigEntryBootstrap": [_bootstrap_entry(entry) for entry in bootstrap_entries(runtime)],
        "ConnectCAConfig": {
            name: HIDDEN if is_secret(name) and isinstance(value, str) else value
            for name, value in runtime.connect.ca_config.items()
        },
        "DNSAddrs": [address.url() for address in runtime.dns_addrs],
        "DNSPort": ports.dns,
        "DevMode": runtime.dev_mode,
        "GRPCAddrs": [address.url() for address in runtime.grpc_addrs],
        "GRPCPort": ports.grpc,
        "GRPCTLSAddrs": [address.url() for address in runtime.grpc_tls_addrs],
        "GRPCTLSPort": ports.grpc_tls,
        "HTTPAddrs": [address.url() for address in runtime.http_addrs],
        "HTTPPort": ports.http,
        "HTTPSAddrs": [address.url() for address in runtime.https_addrs],
        "HTTPSPort": ports.https,
        "Locality": None if place is None else {"Region": place.region or None, "Zone": place.zone or None},
        "NodeID": runtime.node_id,
        "RPCAdvertiseAddr": _url(runtime.rpc_advertise),
        "RPCBindAddr": _url(runtime.rpc_bind),
        "RaftLogStoreConfig.WAL.SegmentSize": runtime.raft_logstore.wal.segment_size_mb << 20,
        "RequestLimitsMode": _REQUEST_MODES.index(runtime.limits.request_limits.mode),
        "SerfAdvertiseAddrLAN": _url(runtime.serf_advertise_lan),
        "SerfAdvertiseAddrWAN": _url(runtime.serf_advertise_wan),
        "SerfBindAddrLAN": _url(runtime.serf_bind_lan),
        "SerfBindAddrWAN": _url(runtime.serf_bind_wan),
        "SerfPortLAN": ports.serf_lan,
        "SerfPortWAN": ports.serf_wan,
        "ServerPort": ports.server,
        "TLS.AutoTLS": runtime.auto_encrypt.tls or runtime.auto_config.enabled,
        "TLS.Domain": runtime.domain,
        "TLS.EnableAgentTLSForChecks": runtime.enable_agent_tls_for_checks,
        "TLS.NodeName": runtime.node_name,
        "TLS.ServerMode": runtime.server,
        "TLS.ServerName": runtime.server_name,
        "Telemetry.AllowedPrefixes": list(runtime.telemetry.allowed_prefixes),
        "Telemetry.BlockedPrefixes": list(runtime.telemetry.blocked_prefixes),
        "Telemetry.PrometheusOpts.Name": runtime.telemetry.metrics_prefix,
        "UIConfig.HCPEnabled": False,
        "UIConfig.MetricsProxy.AddHeaders": [
            {"Name": header.name, "Value": HIDDEN} for header in runtime.ui_config.metrics_proxy.add_headers
        ],
        "Checks": [_check_definition(check) for check in runtime.checks],
        "Services": [_service(service) for service in runtime.services],
        "Watches": [{} for _ in runtime.watches],  # their parameters may hold tokens; Consul shows none either
    }


def _auth_method(runtime: RuntimeConfig) -> dict[str, Any]:
    method = {
        "ACLAuthMethodEnterpriseFields": {},
        "Config": auth_method_settings(runtime.auto_config.authorization.static),
        "Description": "",
        "DisplayName": "",
        "EnterpriseMeta": {},
        "MaxTokenTTL": "0s",
        "Name": NAME,
        "RaftIndex": {"CreateIndex": 0, "ModifyIndex": 0},
        "TokenLocality": "",
        "Type": "jwt",
    }
    return {"AutoConfig.Authorizer.AuthMethod": method}


# Definitions ---------------------------------------------------------------------------------------------------------

_CHECK_DURATIONS: Final = ("Interval", "Timeout", "TTL", "DeregisterCriticalServiceAfter")


def _check_type(check: CheckType) -> dict[str, Any]:
    fields = msgspec.structs.asdict(check)
    for name in _CHECK_DURATIONS:
        fields[name] = format_duration(fields[name])
    fields["Header"] = fields["Header"] or {}
    fields["ScriptArgs"] = fields["ScriptArgs"] or []
    return fields


def _check_definition(check: CheckDefinition) -> dict[str, Any]:
    fields = _check_type(check.type)
    for name in ("CheckID", "ProxyHTTP", "ProxyGRPC"):
        del fields[name]
    return {**fields, "ID": check.ID, "ServiceID": check.ServiceID, "Token": HIDDEN, "EnterpriseMeta": {}}


def _service(service: ServiceDefinition) -> dict[str, Any]:
    connect: dict[str, Any] | None = None
    if service.Connected:
        sidecar = None if service.Sidecar is None else _service(service.Sidecar)
        connect = {"Native": service.Native, "PeerMeta": None, "SidecarService": sidecar}
    weights = service.WeightsSet
    addresses = service.TaggedAddresses or {}
    return {
        "Address": service.Address,
        "Check": _check_type(service.Check or CheckType()),
        "Checks": [_check_type(check) for check in service.Checks],
        "Connect": connect,
        "EnableTagOverride": service.EnableTagOverride,
        "EnterpriseMeta": {},
        "ID": service.ID,
        "Kind": service.Kind,
        "Locality": None if service.Place is None else _written_out(service.Place),
        "Meta": {name: HIDDEN if is_secret(name) else text for name, text in (service.Meta or {}).items()},
        "Name": service.Name,
        "Port": service.Port,
        "Proxy": None if service.Proxy is None else _written_out(with_upstream_types(service.Proxy)),
        "SocketPath": service.SocketPath,
        "TaggedAddresses": {tag: msgspec.structs.asdict(address) for tag, address in addresses.items()},
        "Tags": list(service.Tags or []),
        "Token": HIDDEN,
        "Weights": None if weights is None else msgspec.structs.asdict(weights),
    }


def _written_out(value: Any) -> Any:
    """A value with all members of its structs, those that are not set as Go's zeros."""
    match value:
        case msgspec.Struct():
            hints = get_type_hints(type(value))
            return {name: _written_out(_or_zero(getattr(value, name), hints[name])) for name in value.__struct_fields__}
        case list():
            return [_written_out(member) for member in cast("list[Any]", value)]
        case dict():
            members = cast("dict[str, Any]", value).items()
            return {k: HIDDEN if is_secret(k) and isinstance(v, str) else _written_out(v) for k, v in members}
        case _:
            return value


def _or_zero(value: Any, annotation: Any) -> Any:
    if value is not msgspec.UNSET:
        return value
    kind = next(each for each in get_args(annotation) if each is not msgspec.UnsetType)
    return (get_origin(kind) or kind)()
