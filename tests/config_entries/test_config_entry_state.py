"""The state of config entries: versions, check-and-set, what entries do to each other and to other tables."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.memdb import Store
from pyconsul.server import families
from pyconsul.server.fsm.config_entries import apply_config_entry, entry_records, load_record
from pyconsul.server.state import catalog, virtual_ips
from pyconsul.server.state.catalog_reads import check_ingress_service_nodes
from pyconsul.server.state.config_entries import delete_entry, delete_entry_cas, put_entry, put_entry_cas
from pyconsul.server.state.config_entry_reads import entry_named, protocol_of
from pyconsul.server.state.gateway_services import services_of_gateway
from pyconsul.server.state.indexes import max_index
from pyconsul.server.state.system_metadata import set_metadata
from pyconsul.structs.catalog import (
    NodeService,
    PeeredServiceName,
    RegisterRequest,
    ServiceAddress,
    ServiceConnect,
    ServiceName,
    Weights,
)
from pyconsul.structs.config_entries.decode import decode_entry
from pyconsul.structs.config_entries.entry import ConfigEntry
from pyconsul.structs.config_entries.hashing import prepared
from pyconsul.structs.config_entries.requests import ConfigEntryRequest
from pyconsul.structs.connect_proxy import ConnectProxyConfig
from pyconsul.structs.errors import InternalError
from pyconsul.structs.system_metadata import ENABLED, GATEWAY_VIRTUAL_IPS, VIRTUAL_IPS, SystemMetadataEntry
from pyconsul.structs.wire import changed


@pytest.fixture
def db() -> Store:
    """An empty store in which a leader has enabled virtual addresses."""
    db = Store(families.TABLES)
    for key in (VIRTUAL_IPS, GATEWAY_VIRTUAL_IPS):
        set_metadata(db, 1, SystemMetadataEntry(Key=key, Value=ENABLED))
    return db


def entry(kind: str, name: str = "web", **fields: Any) -> ConfigEntry:
    """An entry, ready to be written."""
    named = {} if kind == "mesh" else {"Name": name}
    return prepared(decode_entry({"Kind": kind, **named, **fields}))


def register(db: Store, index: int, service: str, *, native: bool = False, **fields: Any) -> None:
    """An instance of a service on a node of its own."""
    instance = NodeService(ID=service, Service=service, Connect=ServiceConnect(Native=native), **fields)
    catalog.register(db, index, RegisterRequest(Node=f"n-{service}", Address="1.1.1.1", Service=instance))


def has_address(db: Store, service: str) -> bool:
    """Whether a service has a virtual address."""
    return virtual_ips.virtual_ip_of(db, PeeredServiceName(ServiceName=ServiceName(Name=service))) is not None


def behind(db: Store, gateway: str) -> list[str]:
    """The services behind a gateway, by name."""
    return [row.Service.Name for row in services_of_gateway(db, gateway)[1]]


def test_a_write_keeps_the_first_index_and_moves_the_second(db: Store) -> None:
    """CreateIndex stays, ModifyIndex is that of the write; names match in any case."""
    put_entry(db, 5, entry("service-defaults"))
    put_entry(db, 7, entry("service-defaults", "WEB", Protocol="http"))
    found = entry_named(db, "service-defaults", "Web")
    assert found is not None
    assert (found.CreateIndex, found.ModifyIndex, found.name) == (5, 7, "WEB")
    assert max_index(db, "config-entries") == 7


def test_check_and_set_wants_the_present_index(db: Store) -> None:
    """0 stands for an entry that is not there."""
    row = entry("service-defaults")
    assert put_entry_cas(db, 5, row)
    assert not put_entry_cas(db, 6, row)
    assert put_entry_cas(db, 7, changed(row, ModifyIndex=5))
    assert not delete_entry_cas(db, 8, "service-defaults", "web", 5)
    assert delete_entry_cas(db, 9, "service-defaults", "web", 7)


def test_an_unknown_operation_is_refused(db: Store) -> None:
    """The log is not to be guessed at."""
    with pytest.raises(InternalError, match="invalid config entry operation type: nope"):
        apply_config_entry(db, 1, ConfigEntryRequest(Op="nope", Entry=entry("mesh")))


def test_a_snapshot_brings_entries_and_derived_rows_back(db: Store) -> None:
    """Rows behind gateways are made again; addresses are not, for they have records of their own."""
    put_entry(db, 5, entry("terminating-gateway", "gw", Services=[{"Name": "db"}]))
    put_entry(db, 6, entry("service-defaults"))
    fresh = Store(families.TABLES)
    for record in entry_records(db.snapshot()):
        load_record(fresh, record)
    assert list(entry_records(fresh.snapshot())) == list(entry_records(db.snapshot()))
    assert behind(fresh, "gw") == ["db"]
    assert has_address(db, "web")
    assert not has_address(fresh, "web")


def test_services_of_config_entries_keep_their_address(db: Store) -> None:
    """It goes with the last entry, if there is no instance either."""
    put_entry(db, 5, entry("service-defaults"))
    put_entry(db, 6, entry("service-resolver"))
    delete_entry(db, 7, "service-defaults", "web")
    assert has_address(db, "web")
    delete_entry(db, 8, "service-resolver", "web")
    assert not has_address(db, "web")


# Gateways


def test_a_gateway_covers_what_its_entry_names(db: Store) -> None:
    """A new entry replaces the rows, a deleted one drops them."""
    put_entry(db, 5, entry("terminating-gateway", "gw", Services=[{"Name": "a"}, {"Name": "b"}]))
    assert behind(db, "gw") == ["a", "b"]
    put_entry(db, 6, entry("terminating-gateway", "gw", Services=[{"Name": "c"}]))
    assert behind(db, "gw") == ["c"]
    delete_entry(db, 7, "terminating-gateway", "gw")
    assert behind(db, "gw") == []
    assert max_index(db, "gateway-services") == 7


def test_a_wildcard_covers_services_as_they_come_and_go(db: Store) -> None:
    """A terminating gateway covers what is outside the mesh, but not the servers themselves."""
    register(db, 3, "consul")
    register(db, 4, "early")
    put_entry(db, 5, entry("terminating-gateway", "gw", Services=[{"Name": "*"}]))
    register(db, 6, "late")
    assert behind(db, "gw") == ["early", "late"]
    catalog.delete_service(db, 7, "n-late", "late")
    assert behind(db, "gw") == ["early"]


def test_an_ingress_gateway_that_serves_a_service_twice_is_found_once(db: Store) -> None:
    """Two listeners may lead to one service; the gateway's instances are no more for that."""
    listeners = [{"Port": port, "Protocol": "tcp", "Services": [{"Name": "web"}]} for port in (80, 81)]
    put_entry(db, 5, entry("ingress-gateway", "in", Listeners=listeners))
    register(db, 6, "in", Kind="ingress-gateway")
    assert len(check_ingress_service_nodes(db, "web")[1]) == 1


def test_an_ingress_wildcard_covers_mesh_services_of_the_same_protocol(db: Store) -> None:
    """Others are behind it only once they speak the listener's protocol."""
    put_entry(
        db, 5, entry("ingress-gateway", "in", Listeners=[{"Port": 80, "Protocol": "http", "Services": [{"Name": "*"}]}])
    )
    register(db, 6, "web", native=True)
    assert behind(db, "in") == []
    put_entry(db, 7, entry("service-defaults", Protocol="http"))
    assert behind(db, "in") == ["web"]


def test_a_destination_is_behind_a_wildcard(db: Store) -> None:
    """It goes when its entry goes."""
    put_entry(db, 5, entry("terminating-gateway", "gw", Services=[{"Name": "*"}]))
    put_entry(db, 6, entry("service-defaults", "ext", Destination={"Addresses": ["example.com"], "Port": 443}))
    assert [(r.Service.Name, r.ServiceKind) for r in services_of_gateway(db, "gw")[1]] == [("ext", "destination")]
    delete_entry(db, 7, "service-defaults", "ext")
    assert behind(db, "gw") == []


@pytest.mark.parametrize(("weights", "kind"), [(Weights(Passing=1, Warning=1), None), (None, "service")])
def test_an_instance_that_comes_again_as_it_is_stays_untouched(db: Store, weights: Any, kind: Any) -> None:
    """The wildcard that covers it learns nothing then. Weights are always stored: to give none is to give others."""
    register(db, 4, "web", Weights=weights)
    put_entry(db, 5, entry("terminating-gateway", "gw", Services=[{"Name": "*"}]))
    register(db, 6, "web", Weights=weights)
    index, (row,) = services_of_gateway(db, "gw")
    assert (row.ServiceKind or None, index) == (kind, 6 if kind else 5)


def test_instances_of_a_terminating_gateway_carry_addresses_of_what_they_lead_to(db: Store) -> None:
    """Whichever comes first, the entry or the instance."""
    register(db, 4, "gw", Kind="terminating-gateway")
    put_entry(db, 5, entry("terminating-gateway", "gw", Services=[{"Name": "a"}]))
    instance = catalog.service_of_node(db, "n-gw", "gw")
    assert instance is not None
    assert set(instance.TaggedAddresses or {}) == {"consul-virtual:a"}
    assert (instance.Tags, instance.Meta) == ([], {})  # null before
    put_entry(db, 6, entry("terminating-gateway", "gw", Services=[{"Name": "b"}]))
    assert has_address(db, "b")


def test_a_gateway_keeps_the_addresses_that_it_came_with(db: Store) -> None:
    """Those of services that it no longer leads to are not shown; that they are kept is Consul's way."""
    register(db, 4, "gw", Kind="terminating-gateway", TaggedAddresses={"lan": ServiceAddress(Address="10.0.0.1")})
    put_entry(db, 5, entry("terminating-gateway", "gw", Services=[{"Name": "a"}, {"Name": "b"}]))
    register(db, 6, "p", Kind="connect-proxy", Proxy=ConnectProxyConfig(DestinationServiceName="b"))
    put_entry(db, 7, entry("terminating-gateway", "gw", Services=[{"Name": "c"}]))
    instance = catalog.service_of_node(db, "n-gw", "gw")
    assert instance is not None
    assert set(instance.TaggedAddresses or {}) == {"lan", "consul-virtual:c"}
    assert [has_address(db, name) for name in "abc"] == [True, True, True]


def test_one_name_is_not_two_kinds_of_gateway(db: Store) -> None:
    """Neither may come second."""
    put_entry(db, 5, entry("terminating-gateway", "gw"))
    with pytest.raises(InternalError, match='a "terminating-gateway" config entry with that name already exists'):
        put_entry(db, 6, entry("ingress-gateway", "gw"))


# Chains


def refusal(db: Store, row: ConfigEntry) -> str:
    """Why a write is refused; nothing of it may stay."""
    with pytest.raises(InternalError) as caught, db.transaction():
        put_entry(db, 90, row)
    return caught.value.text


def test_routers_and_splitters_need_http(db: Store) -> None:
    """The protocol comes from the service, or where it has no defaults from all proxies."""
    router = entry("service-router", Routes=[])
    assert 'uses a protocol "tcp" that does not permit advanced routing' in refusal(db, router)
    put_entry(db, 5, entry("proxy-defaults", "global", Config={"protocol": "http"}))
    put_entry(db, 6, router)
    assert protocol_of(db, "web") == "http"
    assert "uses a protocol" in refusal(db, entry("service-defaults", Protocol="tcp"))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("terminating-gateway", "serviceName is required"),
        ("tcp-route", "serviceName is required"),
        ("ingress-gateway", "failed inserting config entry: object missing primary index"),
    ],
)
def test_an_entry_has_a_name(db: Store, kind: str, text: str) -> None:
    """Kinds whose own rules say nothing of it are refused where they would be stored."""
    assert refusal(db, entry(kind, "")) == text


def test_the_services_of_a_chain_speak_one_protocol(db: Store) -> None:
    """A route to a service of another protocol is refused."""
    put_entry(db, 5, entry("service-defaults", Protocol="http"))
    text = refusal(db, entry("service-router", Routes=[{"Destination": {"Service": "api"}}]))
    assert text == ('discovery chain "web" uses inconsistent protocols; service "api" has "tcp" which is not "http"')


def test_the_chain_of_the_written_service_is_told_first(db: Store) -> None:
    """Before those of others that lead to it, whatever they are called; what holds for all is told by kind and name."""
    for name in ("web", "api", "db"):
        put_entry(db, 5, entry("service-defaults", name, Protocol="http"))
    for name, there in (("api", "web"), ("web", "db")):
        put_entry(db, 6, entry("service-router", name, Routes=[{"Destination": {"Service": there}}]))
    text = refusal(db, entry("service-defaults", "web", Protocol="grpc"))
    assert text == 'discovery chain "web" uses inconsistent protocols; service "db" has "http" which is not "grpc"'


def test_what_all_services_speak_is_held_against_routers_first(db: Store) -> None:
    """Then against splitters, each kind by name."""
    put_entry(db, 5, entry("proxy-defaults", "global", Config={"protocol": "http"}))
    put_entry(db, 6, entry("service-splitter", "a", Splits=[{"Weight": 100}]))
    put_entry(db, 7, entry("service-router", "web"))
    put_entry(db, 8, entry("service-router", "b"))
    text = refusal(db, entry("proxy-defaults", "global", Config={"protocol": "tcp"}))
    assert text.startswith('discovery chain "b" uses a protocol "tcp" that does not permit')


def test_subsets_must_exist(db: Store) -> None:
    """And may not go while a route leads to them."""
    for name in ("web", "api"):
        put_entry(db, 5, entry("service-defaults", name, Protocol="http"))
    router = entry("service-router", Routes=[{"Destination": {"Service": "api", "ServiceSubset": "v1"}}])
    assert refusal(db, router) == 'service "api" does not have a subset named "v1"'
    put_entry(db, 6, entry("service-resolver", "api", Subsets={"v1": {}}))
    put_entry(db, 7, router)
    with pytest.raises(InternalError, match="does not have a subset"):
        delete_entry(db, 8, "service-resolver", "api")


def test_redirects_and_splits_may_not_go_in_circles(db: Store) -> None:
    """Both say the way round."""
    put_entry(db, 5, entry("proxy-defaults", "global", Config={"protocol": "http"}))
    put_entry(db, 6, entry("service-resolver", "a", Redirect={"Service": "b"}))
    text = refusal(db, entry("service-resolver", "b", Redirect={"Service": "a"}))
    assert text.startswith("detected circular resolver redirect: [")
    put_entry(db, 7, entry("service-splitter", "c", Splits=[{"Weight": 100, "Service": "d"}]))
    text = refusal(db, entry("service-splitter", "d", Splits=[{"Weight": 100, "Service": "c"}]))
    assert text.startswith("detected circular reference: [splitter:")


def test_an_ingress_gateway_speaks_the_protocol_of_its_services(db: Store) -> None:
    """The service cannot leave it behind, either."""
    gateway = entry("ingress-gateway", "in", Listeners=[{"Port": 1, "Protocol": "http", "Services": [{"Name": "web"}]}])
    mismatch = 'service "web" has protocol "tcp", which does not match defined listener protocol "http"'
    assert refusal(db, gateway) == mismatch
    put_entry(db, 5, entry("service-defaults", Protocol="http"))
    put_entry(db, 6, gateway)
    with pytest.raises(InternalError, match="does not match defined listener protocol"):
        delete_entry(db, 7, "service-defaults", "web")


def test_permissive_tls_must_be_allowed_first(db: Store) -> None:
    """An entry that is permissive already stays writable."""
    row = entry("service-defaults", MutualTLSMode="permissive")
    assert "AllowEnablingPermissiveMutualTLS=false" in refusal(db, row)
    put_entry(db, 5, entry("mesh", AllowEnablingPermissiveMutualTLS=True))
    put_entry(db, 6, row)
    delete_entry(db, 7, "mesh", "mesh")
    put_entry(db, 8, row)


def test_a_provider_that_intentions_need_stays(db: Store) -> None:
    """Intentions may not name one that is missing, and one that is named is not deleted."""
    put_entry(db, 4, entry("service-defaults", Protocol="http"))
    row = entry("service-intentions", Sources=[{"Name": "a", "Action": "allow"}], JWT={"Providers": [{"Name": "okta"}]})
    assert "Referenced JWT Provider does not exist. Provider Name: okta" in refusal(db, row)
    put_entry(db, 5, entry("jwt-provider", "okta", JSONWebKeySet={"Local": {"JWKS": "e30="}}))
    put_entry(db, 6, row)
    with pytest.raises(InternalError, match="referenced by an intention"):
        delete_entry(db, 7, "jwt-provider", "okta")


def test_a_service_that_peers_use_stays_in_its_datacenter(db: Store) -> None:
    """Redirects to elsewhere are refused, whichever entry comes second."""
    put_entry(db, 5, entry("service-resolver", "web", Redirect={"Service": "web", "Datacenter": "dc2"}))
    services = [{"Name": "web", "Consumers": [{"Peer": "p"}]}]
    text = refusal(db, entry("exported-services", "default", Services=services))
    assert text == 'peer exported service "web" contains cross-datacenter resolver redirect'


def test_exported_services_are_looked_at_by_name(db: Store) -> None:
    """So that the same entry is always refused in the same words."""
    names = ["web", "api", "db", "cache", "queue"]
    for name in names:
        put_entry(db, 5, entry("service-resolver", name, Redirect={"Datacenter": "dc2"}))
    services = [{"Name": name, "Consumers": [{"Peer": "p"}]} for name in names]
    text = refusal(db, entry("exported-services", "default", Services=services))
    assert text == 'peer exported service "api" contains cross-datacenter resolver redirect'


def exported(name: str) -> ConfigEntry:
    """The export of a service, or of all, to one peer."""
    return entry("exported-services", "default", Services=[{"Name": name, "Consumers": [{"Peer": "p"}]}])


def test_a_wildcard_exports_what_is_being_written(db: Store) -> None:
    """And no longer what is being deleted, though its name stands in another entry."""
    put_entry(db, 5, exported("*"))
    text = refusal(db, entry("service-resolver", "web", Redirect={"Service": "web", "Datacenter": "dc2"}))
    assert text == 'peer exported service "web" contains cross-datacenter resolver redirect'
    text = refusal(db, entry("service-resolver", "web", Redirect={"Service": "api"}))
    assert text.endswith('cannot introduce new discovery chain targets like "api.default.default.dc1"')
    put_entry(db, 6, entry("service-resolver", "web"))
    delete_entry(db, 7, "service-resolver", "web")


def test_a_service_that_peers_use_may_fail_over_to_any_other(db: Store) -> None:
    """Here or at a peer: only the gateway meets who steps in. What lies behind that counts all the same."""
    put_entry(db, 5, exported("web"))
    put_entry(db, 6, entry("service-resolver", "web", Failover={"*": {"Targets": [{"Service": "api"}, {"Peer": "q"}]}}))
    text = refusal(db, entry("service-resolver", "api", Failover={"*": {"Datacenters": ["dc2"]}}))
    assert text == 'peer exported service "web" contains cross-datacenter failover'


def test_a_default_subset_is_not_that_of_a_peer(db: Store) -> None:
    """It leads back from there, so a redirect to the peer's service of the same name goes round in circles."""
    own: dict[str, Any] = {"Subsets": {"v1": {}}, "DefaultSubset": "v1"}
    text = refusal(db, entry("service-resolver", "web", Redirect={"Service": "web", "Peer": "p"}, **own))
    steps = ("web.default.default.dc1", "web.default.default.external.p", "v1.web.default.default.dc1")
    assert text == f"detected circular resolver redirect: [{' -> '.join((*steps, steps[1]))}]"
