"""``?merge-central-config``: what entries add to the registration of a proxy."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.memdb import Store
from pyconsul.server import families
from pyconsul.server.state.config_entries import put_entry
from pyconsul.server.state.config_entry_merge import with_central_config
from pyconsul.structs.catalog import NodeService
from pyconsul.structs.config_entries.decode import decode_entry
from pyconsul.structs.config_entries.hashing import prepared
from pyconsul.structs.connect_proxy import ConnectProxyConfig, Upstream


@pytest.fixture
def db() -> Store:
    """An empty store with every table of the server."""
    return Store(families.TABLES)


def write(db: Store, kind: str, name: str, **fields: Any) -> None:
    """Store an entry."""
    put_entry(db, 5, prepared(decode_entry({"Kind": kind, "Name": name, **fields})))


def sidecar(**fields: Any) -> NodeService:
    """A proxy of the service web."""
    proxy = ConnectProxyConfig(DestinationServiceName="web", **fields)
    return NodeService(Kind="connect-proxy", ID="p", Service="web-proxy", Proxy=proxy)


def test_nothing_is_added_without_entries(db: Store) -> None:
    """The registration stays as it is."""
    assert with_central_config(db, sidecar()) == sidecar()


def test_a_service_wins_over_all_proxies_and_the_registration_over_both(db: Store) -> None:
    """Settings, modes and gateways alike."""
    write(db, "proxy-defaults", "global", Config={"protocol": "tcp", "a": 1, "b": 1}, MeshGateway={"Mode": "local"})
    write(db, "service-defaults", "web", Protocol="http", MaxInboundConnections=7, MeshGateway={"Mode": "remote"})
    found = with_central_config(db, sidecar(Config={"a": 2.0}))
    assert found.Proxy.Config == {"protocol": "http", "a": 2.0, "b": 1.0, "max_inbound_connections": 7}
    assert found.Proxy.MeshGateway.Mode == "remote"


def test_upstreams_get_their_own_protocol_and_overrides(db: Store) -> None:
    """An override wins over the defaults for all upstreams."""
    write(db, "service-defaults", "db", Protocol="grpc")
    upstreams = {"Defaults": {"ConnectTimeoutMs": 9}, "Overrides": [{"Name": "db", "ConnectTimeoutMs": 3}]}
    write(db, "service-defaults", "web", UpstreamConfig=upstreams)
    asked = [Upstream(DestinationName="db"), Upstream(DestinationName="other")]
    found = with_central_config(db, sidecar(Upstreams=asked)).Proxy.Upstreams or []
    settings = {one.DestinationName: one.Config for one in found}
    assert settings == {"db": {"protocol": "grpc", "connect_timeout_ms": 3}, "other": {"connect_timeout_ms": 9}}


def test_an_upstream_that_is_a_query_stays_as_it_is(db: Store) -> None:
    """Nothing is known of the service behind it."""
    write(db, "service-defaults", "web", UpstreamConfig={"Defaults": {"ConnectTimeoutMs": 9}})
    asked = Upstream(DestinationType="prepared_query", DestinationName="q")
    assert with_central_config(db, sidecar(Upstreams=[asked])).Proxy.Upstreams == [asked]


def test_a_transparent_proxy_also_gets_upstreams_that_only_entries_name(db: Store) -> None:
    """They are marked as such."""
    write(db, "service-defaults", "web", UpstreamConfig={"Overrides": [{"Name": "db", "Protocol": "http"}]})
    found = with_central_config(db, sidecar(Mode="transparent")).Proxy.Upstreams or []
    assert [(one.DestinationName, one.CentrallyConfigured) for one in found] == [("db", True)]
    assert not with_central_config(db, sidecar()).Proxy.Upstreams
