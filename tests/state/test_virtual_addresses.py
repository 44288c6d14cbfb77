"""Virtual addresses of mesh services: given out, kept, freed, reused, assigned by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.memdb import Store
from pyconsul.server import families
from pyconsul.server.state import catalog, virtual_ips
from pyconsul.server.state.catalog_tables import SERVICES, row_key
from pyconsul.server.state.config_entries import put_entry
from pyconsul.server.state.system_metadata import set_metadata
from pyconsul.server.state.virtual_ips import (
    FREE_VIRTUAL_IPS,
    LAST_OFFSET,
    SERVICE_VIRTUAL_IPS,
    FreeVirtualIP,
    address_of,
    ip_of,
    offset_of,
    virtual_ip_of,
)
from pyconsul.structs.catalog import NodeService, PeeredServiceName, RegisterRequest, ServiceConnect, ServiceName
from pyconsul.structs.config_entries.ingress_gateway import IngressGateway, IngressListener, IngressService
from pyconsul.structs.config_entries.terminating_gateway import LinkedService, TerminatingGateway
from pyconsul.structs.connect_proxy import ConnectProxyConfig
from pyconsul.structs.errors import InternalError
from pyconsul.structs.system_metadata import ENABLED, GATEWAY_VIRTUAL_IPS, VIRTUAL_IPS, SystemMetadataEntry
from pyconsul.structs.wire import UNSET, changed


@pytest.fixture
def db() -> Store:
    """An empty store in which a leader has enabled virtual addresses."""
    db = Store(families.TABLES)
    set_metadata(db, 1, SystemMetadataEntry(Key=VIRTUAL_IPS, Value=ENABLED))
    return db


def native(db: Store, index: int, name: str) -> None:
    """Register a mesh-native instance of a service of that name on n1."""
    service = NodeService(ID=name, Service=name, Port=80, Connect=ServiceConnect(Native=True))
    catalog.register(db, index, RegisterRequest(Node="n1", Address="10.0.0.1", Service=service))


def named(name: str) -> PeeredServiceName:
    """One of our services."""
    return PeeredServiceName(ServiceName=ServiceName(Name=name))


def address(db: Store, name: str) -> str:
    """The virtual address of a service; "" when it has none."""
    row = virtual_ip_of(db, named(name))
    return address_of(row) if row else ""


def test_addresses_are_counted_up_and_freed_ones_come_first(db: Store) -> None:
    """240.0.0.1 is the first; the one that was given back last goes to the next service that needs one."""
    native(db, 5, "a")
    native(db, 6, "b")
    assert (address(db, "a"), address(db, "b")) == ("240.0.0.1", "240.0.0.2")
    catalog.delete_service(db, 7, "n1", "a")
    assert address(db, "a") == ""
    native(db, 8, "c")
    native(db, 9, "d")
    assert (address(db, "c"), address(db, "d")) == ("240.0.0.1", "240.0.0.3")
    assert db.count(FREE_VIRTUAL_IPS) == 1


def test_only_the_address_freed_last_is_remembered(db: Store) -> None:
    """As real servers do it, with which a cluster may be shared: others are never given out again."""
    for index, name in enumerate(("a", "b"), 5):
        native(db, index, name)
    for name in ("a", "b"):
        catalog.delete_service(db, 7, "n1", name)
    for index, name in enumerate(("c", "d"), 8):
        native(db, index, name)
    assert (address(db, "c"), address(db, "d")) == ("240.0.0.2", "240.0.0.3")


def test_instances_carry_the_address_of_what_they_serve(db: Store) -> None:
    """A proxy shows its destination's address, with its own port."""
    proxy = NodeService(
        ID="p", Service="a-proxy", Kind="connect-proxy", Port=9, Proxy=ConnectProxyConfig(DestinationServiceName="a")
    )
    catalog.register(db, 5, RegisterRequest(Node="n1", Address="10.0.0.1", Service=proxy))
    stored = catalog.service_of_node(db, "n1", "p")
    assert stored is not None and stored.TaggedAddresses
    tagged = stored.TaggedAddresses["consul-virtual"]
    assert (tagged.Address, tagged.Port) == ("240.0.0.1", 9)


def test_whoever_holds_a_name_keeps_its_address(db: Store) -> None:
    """As config entries will do: the address stays after the last instance."""
    native(db, 5, "a")

    def holds(_: Store, whose: PeeredServiceName, gateway: str) -> bool:
        return whose == named("a") and not gateway

    virtual_ips.HOLDERS.append(holds)
    try:
        catalog.delete_service(db, 6, "n1", "a")
    finally:
        virtual_ips.HOLDERS.remove(holds)
    assert address(db, "a") == "240.0.0.1"


def test_addresses_by_hand_move_from_service_to_service(db: Store) -> None:
    """An address belongs to one service; who loses one is told. Unknown services get none."""
    native(db, 5, "a")
    native(db, 6, "b")
    assert virtual_ips.assign_manual(db, 7, named("a"), ["10.9.0.2", "10.9.0.1"]) == (True, [])
    row = virtual_ip_of(db, named("a"))
    assert row is not None and (row.ManualIPs, row.ModifyIndex) == (["10.9.0.1", "10.9.0.2"], 7)
    assert virtual_ips.assign_manual(db, 8, named("b"), ["10.9.0.2"]) == (True, [named("a")])
    row = virtual_ip_of(db, named("a"))
    assert row is not None and row.ManualIPs == ["10.9.0.1"]
    assert virtual_ips.assign_manual(db, 9, named("nosuch"), ["10.9.0.3"]) == (False, [])


def test_an_ingress_gateway_holds_no_address(db: Store) -> None:
    """A terminating one does, while it names the service."""
    listener = IngressListener(Port=80, Protocol="tcp", Services=[IngressService(Name="a")])
    put_entry(db, 2, IngressGateway(Name="in", Listeners=[listener]))
    native(db, 5, "a")
    catalog.delete_service(db, 6, "n1", "a")
    assert address(db, "a") == ""


def test_a_gateway_that_lets_go_of_a_service_by_its_name_gives_back_its_address(db: Store) -> None:
    """Though its wildcard covers the service now; another gateway's entry holds the address."""
    set_metadata(db, 1, SystemMetadataEntry(Key=GATEWAY_VIRTUAL_IPS, Value=ENABLED))
    for number, name in enumerate(("one", "two"), 2):
        put_entry(db, number, TerminatingGateway(Name=name, Services=[LinkedService(Name="a")]))
    assert address(db, "a") == "240.0.0.1"
    for number, (name, kept) in enumerate((("one", "240.0.0.1"), ("two", "")), 4):
        put_entry(db, number, TerminatingGateway(Name=name, Services=[LinkedService(Name="b")]))
        assert address(db, "a") == kept


def test_a_gateway_with_instances_gives_back_no_address(db: Store) -> None:
    """They speak for the service, in Consul's eyes, until its rows are replaced."""
    set_metadata(db, 1, SystemMetadataEntry(Key=GATEWAY_VIRTUAL_IPS, Value=ENABLED))
    put_entry(db, 2, TerminatingGateway(Name="gw", Services=[LinkedService(Name="a")]))
    gateway = NodeService(ID="gw", Service="gw", Kind="terminating-gateway", Port=80)
    catalog.register(db, 3, RegisterRequest(Node="n1", Address="10.0.0.1", Service=gateway))
    put_entry(db, 4, TerminatingGateway(Name="gw", Services=[LinkedService(Name="b")]))
    assert address(db, "a") == "240.0.0.1"


def test_an_instance_of_a_gateway_without_addresses_has_no_empty_list_of_them(db: Store) -> None:
    """Whether it comes after the gateway's entry or before, which writes it anew, as a copy with tags and metadata."""
    set_metadata(db, 1, SystemMetadataEntry(Key=GATEWAY_VIRTUAL_IPS, Value=ENABLED))
    gateway = NodeService(ID="gw", Service="gw", Kind="terminating-gateway", Port=80)
    register = RegisterRequest(Node="n1", Address="10.0.0.1", Service=gateway)
    catalog.register(db, 2, register)
    seen: list[tuple[bool, int, list[str] | None, dict[str, str] | None]] = []
    for index, names in enumerate(([], ["a"], []), 3):
        put_entry(db, index, TerminatingGateway(Name="gw", Services=[LinkedService(Name=name) for name in names]))
        (row,) = (row.Service for row in db.where(SERVICES, "name", row_key("", "gw")))
        seen.append((row.TaggedAddresses is UNSET, row.ModifyIndex, row.Tags, row.Meta))
    assert seen == [(True, 3, [], {}), (False, 4, [], {}), (True, 5, [], {})]
    catalog.register(db, 6, changed(register, Node="n2"))
    assert all(row.Service.TaggedAddresses is UNSET for row in db.where(SERVICES, "name", row_key("", "gw")))


@given(st.integers(0, 2**28 - 1))
def test_an_offset_survives_its_sixteen_bytes(offset: int) -> None:
    """As do those of four bytes, which older servers wrote."""
    assert offset_of(ip_of(offset)) == offset_of(ip_of(offset)[-4:]) == offset
    assert len(ip_of(offset)) == 16


def test_no_address_is_the_first_one() -> None:
    """An empty row stands for offset 0."""
    assert offset_of(None) == offset_of(b"") == 0


def test_the_last_address_is_not_given_out(db: Store) -> None:
    """The one before it is; then there are no more, and nothing changes."""
    db.put(FREE_VIRTUAL_IPS, FreeVirtualIP(IP=ip_of(LAST_OFFSET - 2), IsCounter=True))
    assert virtual_ips.assign(db, 5, named("last")) == address_of(db.all(SERVICE_VIRTUAL_IPS)[0])
    with pytest.raises(InternalError, match="cannot allocate any more unique service virtual IPs"):
        virtual_ips.assign(db, 6, named("more"))
    assert [row.Service.ServiceName.Name for row in db.all(SERVICE_VIRTUAL_IPS)] == ["last"]


def test_a_service_keeps_the_address_that_it_has(db: Store) -> None:
    """However often it is asked for, in whatever letter case."""
    first = virtual_ips.assign(db, 5, named("web"))
    assert virtual_ips.assign(db, 6, named("WEB")) == first == "240.0.0.1"
    assert db.all(SERVICE_VIRTUAL_IPS)[0].ModifyIndex == 5
