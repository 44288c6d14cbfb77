"""``?merge-central-config``: an instance with what proxy-defaults and service-defaults add to its registration."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from pyconsul.memdb import Store, WatchSet
from pyconsul.primitives.untyped import is_dict
from pyconsul.server.state.config_entry_reads import entries_index, entry_of
from pyconsul.structs.catalog import GATEWAY_KINDS, KIND_CONNECT_PROXY, NodeService
from pyconsul.structs.config_entries.proxy_defaults import GLOBAL, ProxyDefaults
from pyconsul.structs.config_entries.service_defaults import ServiceDefaults
from pyconsul.structs.config_entries.upstreams import UpstreamConfig
from pyconsul.structs.connect_proxy import ConnectProxyConfig, EnvoyExtension, MeshGatewayConfig, Upstream
from pyconsul.structs.wire import UNSET, UnsetType, changed, omit

Settings = dict[str, Any]
_TRANSPARENT = "transparent"
_PLAIN = ("", "service")


def with_central_config(db: Store, service: NodeService, ws: WatchSet | None = None) -> NodeService:
    """The instance as its proxy would be configured. ``ws`` fires when an entry that it rests on changes."""
    name = service.Service
    if service.Kind == KIND_CONNECT_PROXY:
        name = service.Proxy.DestinationServiceName or ""
    everybody = entry_of(db, ProxyDefaults, GLOBAL, ws=ws) or ProxyDefaults()
    own = entry_of(db, ServiceDefaults, name, ws=ws) or ServiceDefaults()
    proxy = _with_defaults(service.Proxy, everybody, own)
    proxy = changed(proxy, Upstreams=_upstreams(db, service.Proxy, proxy, everybody, own, ws))
    return changed(service, Proxy=proxy)


def central_index(db: Store, kinds: Iterable[str | UnsetType], ws: WatchSet) -> int:
    """The index of config entries where an instance of these kinds rests on any, else 0.

    It rises with every entry, whosoever it is, but those that no proxy here rests on wake nobody.
    """
    return entries_index(db, ws.quiet) if any(map(is_proxy, kinds)) else 0


def is_proxy(kind: str | UnsetType) -> bool:
    """Whether instances of this kind are configured centrally."""
    return kind == KIND_CONNECT_PROXY or kind in GATEWAY_KINDS


def _with_defaults(proxy: ConnectProxyConfig, everybody: ProxyDefaults, own: ServiceDefaults) -> ConnectProxyConfig:
    """What is not set, from the service's defaults, or else from those of all proxies."""
    config = _filled(proxy.Config or {}, {**(everybody.Config or {}), **_settings(own)})
    expose = changed(
        proxy.Expose,
        Checks=omit(bool(proxy.Expose.Checks or own.Expose.Checks or everybody.Expose.Checks)),
        Paths=proxy.Expose.Paths or own.Expose.Paths or everybody.Expose.Paths,
    )
    extensions = [
        EnvoyExtension(Name=one.Name, Required=one.Required, Arguments=one.Arguments)
        for one in (*(everybody.EnvoyExtensions or ()), *(own.EnvoyExtensions or ()))
    ]
    return changed(
        proxy,
        Config=omit(config),
        Expose=expose,
        EnvoyExtensions=omit(extensions),
        AccessLogs=_first(proxy.AccessLogs, everybody.AccessLogs),
        MeshGateway=_gateway(proxy.MeshGateway, own.MeshGateway, everybody.MeshGateway),
        Mode=proxy.Mode or own.Mode or everybody.Mode or "",
        TransparentProxy=_first(_first(proxy.TransparentProxy, own.TransparentProxy), everybody.TransparentProxy),
        MutualTLSMode=omit(proxy.MutualTLSMode or own.MutualTLSMode or everybody.MutualTLSMode or ""),
    )


def _settings(own: ServiceDefaults) -> Settings:
    """A service's defaults as opaque settings of its proxy."""
    found: Settings = {
        "protocol": own.Protocol,
        "balance_inbound_connections": own.BalanceInboundConnections,
        "max_inbound_connections": max(own.MaxInboundConnections or 0, 0),
        "local_connect_timeout_ms": max(own.LocalConnectTimeoutMs or 0, 0),
        "local_request_timeout_ms": max(own.LocalRequestTimeoutMs or 0, 0),
    }
    return {name: value for name, value in found.items() if value}


def _filled(settings: Settings, defaults: Settings) -> Settings:
    """Settings with defaults where they are missing or empty, in nested maps, too."""
    found = dict(settings)
    for name, default in defaults.items():
        mine = found.get(name)
        if is_dict(mine) and is_dict(default):
            found[name] = _filled(mine, default)
        elif not mine:
            found[name] = default
    return found


def _first(mine: Any, default: Any) -> Any:
    """A struct with the fields of another where it has none; UNSET where neither has any."""
    shown = mine or default
    if mine and default:
        fields = {name: getattr(mine, name) or getattr(default, name) for name in mine.__struct_fields__}
        shown = msgspec.structs.replace(mine, **fields)
    return UNSET if not shown or shown == type(shown)() else shown


def _gateway(*gateways: MeshGatewayConfig) -> MeshGatewayConfig:
    return next((one for one in gateways if one.Mode), MeshGatewayConfig())


# Upstreams


def _upstreams(
    db: Store,
    asked: ConnectProxyConfig,
    merged: ConnectProxyConfig,
    everybody: ProxyDefaults,
    own: ServiceDefaults,
    ws: WatchSet | None,
) -> Any:
    """The upstreams with central settings; a transparent proxy also gets those that only the entries name."""
    central = own.UpstreamConfig or None
    overrides = {(one.Peer, one.Name or ""): one for one in (central.Overrides or ())} if central else {}
    defaults = (central.Defaults or None) if central else None
    gateway = _gateway(asked.MeshGateway, own.MeshGateway, everybody.MeshGateway)

    def settings(peer: str, name: str) -> tuple[Settings, MeshGatewayConfig]:
        theirs = entry_of(db, ServiceDefaults, name, ws=ws)
        found: Settings = {"protocol": everybody.protocol, **_opaque(defaults)}
        found["protocol"] = (theirs.Protocol if theirs is not None else "") or found.get("protocol", "")
        found.update(_opaque(defaults))
        found.update(_opaque(overrides.get((peer, name))))
        wanted = overrides.get((peer, name))
        place = _gateway(
            wanted.MeshGateway if wanted else MeshGatewayConfig(),
            asked.MeshGateway,
            defaults.MeshGateway if defaults else MeshGatewayConfig(),
            gateway,
        )
        return {key: value for key, value in found.items() if value}, place

    shown = [_merged(one, *settings(one.DestinationPeer or "", one.DestinationName)) for one in asked.Upstreams or ()]
    if merged.Mode == _TRANSPARENT:
        known = {(one.DestinationPeer or "", one.DestinationName) for one in shown}
        wildcard = [("", "*")] if _opaque(defaults) or gateway.Mode else []
        for peer, name in [*wildcard, *(key for key in overrides if key not in known)]:
            shown.append(_central(peer, name, *settings(peer, name)))
    return omit(shown)


def _opaque(upstream: UpstreamConfig | None) -> Settings:
    """An upstream's settings under the names of the opaque map; what is zero is left out."""
    if upstream is None:
        return {}
    found: Settings = {
        "envoy_listener_json": upstream.EnvoyListenerJSON,
        "envoy_cluster_json": upstream.EnvoyClusterJSON,
        "protocol": upstream.Protocol,
        "connect_timeout_ms": upstream.ConnectTimeoutMs,
        "limits": upstream.Limits,
        "passive_health_check": upstream.PassiveHealthCheck,
        "balance_outbound_connections": upstream.BalanceOutboundConnections,
    }
    return {name: value for name, value in found.items() if value}


def _merged(upstream: Upstream, settings: Settings, gateway: MeshGatewayConfig) -> Upstream:
    if upstream.DestinationType not in _PLAIN:
        return upstream
    config = _filled(upstream.Config or {}, settings)
    if upstream.DestinationPeer:  # the peer says what it speaks
        config.pop("protocol", None)
        config.update({k: v for k, v in (upstream.Config or {}).items() if k == "protocol"})
    return changed(
        upstream,
        Config=omit(config),
        MeshGateway=upstream.MeshGateway if upstream.MeshGateway.Mode else gateway,
    )


def _central(peer: str, name: str, settings: Settings, gateway: MeshGatewayConfig) -> Upstream:
    config = {**settings, "mesh_gateway": gateway} if gateway.Mode else settings
    return Upstream(
        DestinationPeer=omit(peer),
        DestinationName=name,
        Config=omit(config),
        MeshGateway=gateway,
        CentrallyConfigured=True,
    )
