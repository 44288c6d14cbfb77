"""What names of services, nodes and addresses answer."""

from __future__ import annotations

import pytest

from pyconsul.agent.dns.addresses import service_address, service_port
from pyconsul.agent.dns.records import Type
from pyconsul.agent.dns.settings import DnsSettings
from pyconsul.structs.catalog import NodeService, ServiceAddress
from pyconsul.structs.errors import NoLeader
from tests.dns.conftest import World

SOA = "consul. 0 SOA ns.consul. hostmaster.consul."


async def test_service_addresses_are_those_of_its_nodes(world: World) -> None:
    """An instance without an address of its own is found at its node's."""
    await world.service("n1", "198.51.100.1", "web")
    await world.service("n2", "198.51.100.2", "web")
    found = await world.ask("web.service.consul")
    assert found.answer == [
        "web.service.consul. 0 A 198.51.100.1",
        "web.service.consul. 0 A 198.51.100.2",
    ]
    assert found.flags == "QR AA RD"


async def test_an_answer_echoes_the_case_of_its_question(world: World) -> None:
    """Names compare without case; the question's spelling comes back."""
    await world.service("n1", "198.51.100.1", "web")
    found = await world.ask("WEB.Service.CONSUL")
    assert [line.split()[0] for line in found.answer] == ["WEB.Service.CONSUL."]


async def test_an_unknown_service_is_no_name_with_the_zone_s_soa(world: World) -> None:
    """NXDOMAIN tells by the SOA record how long it may be remembered."""
    found = await world.ask("nope.service.consul")
    assert found.rcode == "NXDOMAIN"
    assert found.authority[0].startswith(SOA)


async def test_the_other_family_is_no_data_with_the_soa(world: World) -> None:
    """A service with IPv4 addresses only exists, but has no AAAA records."""
    await world.service("n1", "198.51.100.1", "web")
    found = await world.ask("web.service.consul", "AAAA")
    assert (found.rcode, found.answer) == ("NOERROR", [])
    assert found.authority[0].startswith(SOA)


async def test_critical_instances_are_left_out_and_warning_ones_only_on_wish(world: World) -> None:
    """``only_passing`` leaves out what merely warns, too."""
    await world.service("n1", "198.51.100.1", "web", status="passing")
    await world.service("n2", "198.51.100.2", "web", status="warning")
    await world.service("n3", "198.51.100.3", "web", status="critical")
    assert [line.split()[-1] for line in (await world.ask("web.service.consul")).answer] == [
        "198.51.100.1",
        "198.51.100.2",
    ]
    world.configure(only_passing=True)
    assert [line.split()[-1] for line in (await world.ask("web.service.consul")).answer] == ["198.51.100.1"]


@pytest.mark.parametrize("name", ["v1.web.service.consul", "_web._v1.service.consul", "_web._v1.service.dc1.consul"])
async def test_a_tag_selects_instances(world: World, name: str) -> None:
    """A tag stands in front of the name, or as the protocol of an RFC 2782 name."""
    await world.service("n1", "198.51.100.1", "web", tags=("v1",))
    await world.service("n2", "198.51.100.2", "web", tags=("v2",))
    assert [line.split()[-1] for line in (await world.ask(name)).answer] == ["198.51.100.1"]


async def test_rfc_2782_names_need_no_service_label_for_srv(world: World) -> None:
    """``_web._tcp.consul`` is enough for SRV, and too little for A."""
    await world.service("n1", "198.51.100.1", "web", 8080)
    found = await world.ask("_web._tcp.consul", "SRV")
    assert found.answer == ["_web._tcp.consul. 0 SRV 1 1 8080 n1.node.dc1.consul."]
    assert found.additional == ["n1.node.dc1.consul. 0 A 198.51.100.1"]
    assert (await world.ask("_web._tcp.consul", "A")).rcode == "NXDOMAIN"


async def test_srv_of_an_own_address_points_at_a_name_that_spells_it(world: World) -> None:
    """The node's name would lead to another address."""
    await world.service("n1", "198.51.100.1", "web", 1, address="203.0.113.7")
    await world.service("n1", "198.51.100.1", "six", 2, address="2001:db8::1")
    found = await world.ask("web.service.consul", "SRV")
    assert found.answer == ["web.service.consul. 0 SRV 1 1 1 cb007107.addr.dc1.consul."]
    assert found.additional == ["cb007107.addr.dc1.consul. 0 A 203.0.113.7"]
    assert (await world.ask("six.service.consul", "SRV")).additional == [
        "20010db8000000000000000000000001.addr.dc1.consul. 0 AAAA 2001:db8::1"
    ]


@pytest.mark.parametrize(("status", "weight"), [("passing", 7), ("warning", 3)])
async def test_the_srv_weight_follows_the_status(world: World, status: str, weight: int) -> None:
    """Each instance names a weight for when it passes and one for when it warns."""
    await world.service("n1", "198.51.100.1", "web", 1, status=status, weights=(7, 3))
    assert (await world.ask("web.service.consul", "SRV")).answer[0].split()[4] == str(weight)


async def test_srv_brings_node_metadata_as_txt(world: World) -> None:
    """``rfc1035-`` keys give the value alone; the setting switches it off."""
    await world.service("n1", "198.51.100.1", "web", meta={"a": "1", "rfc1035-b": "plain"})
    texts = [line for line in (await world.ask("web.service.consul", "SRV")).additional if " TXT " in line]
    assert texts == ['n1.node.dc1.consul. 0 TXT "a=1"', 'n1.node.dc1.consul. 0 TXT "plain"']
    world.configure(node_meta_txt=False)
    assert not [line for line in (await world.ask("web.service.consul", "SRV")).additional if " TXT " in line]


async def test_an_instance_at_a_name_of_ours_is_followed(world: World) -> None:
    """A CNAME comes with the records of the name that it leads to."""
    await world.service("n1", "198.51.100.1", "db")
    await world.service("n2", "198.51.100.2", "web", address="db.service.consul")
    found = await world.ask("web.service.consul")
    assert found.answer == [
        "db.service.consul. 0 A 198.51.100.1",
        "web.service.consul. 0 CNAME db.service.consul.",
    ]


async def test_a_name_of_ours_that_is_none_leads_nowhere(world: World) -> None:
    """The instance is a CNAME without what it leads to."""
    await world.service("n1", "198.51.100.1", "web", address="nobody.node.consul")
    assert (await world.ask("web.service.consul")).answer == ["web.service.consul. 0 CNAME nobody.node.consul."]


async def test_a_service_at_its_own_name_is_at_its_node(world: World) -> None:
    """It must not lead to itself."""
    await world.service("n1", "198.51.100.1", "web", address="web.service.consul")
    assert (await world.ask("web.service.consul")).answer == ["web.service.consul. 0 A 198.51.100.1"]


async def test_names_that_lead_to_each_other_end_somewhere(world: World) -> None:
    """A loop of names costs three look-ups, not a stack."""
    await world.service("n1", "198.51.100.1", "a", address="b.service.consul")
    await world.service("n1", "198.51.100.1", "b", address="a.service.consul")
    found = await world.ask("a.service.consul")
    assert found.rcode == "NOERROR"
    assert world.calls.count("Health.ServiceNodes") <= 5


async def test_ttls_by_exact_name_win_over_prefixes_and_the_longer_prefix_over_the_shorter(world: World) -> None:
    """``service_ttl`` takes names, prefixes and a star for all others."""
    from pyconsul.agent.dns.settings import ServiceTtls

    second = 10**9
    world.configure(
        service_ttl=ServiceTtls.of({"*": second, "db*": 2 * second, "db-m*": 3 * second, "db-main": 4 * second})
    )
    for name in ("web", "db-x", "db-mx", "db-main"):
        await world.service("n1", "198.51.100.1", name)
    ttls = [
        (await world.ask(f"{name}.service.consul")).message.answer[0].ttl
        for name in ("web", "db-x", "db-mx", "db-main")
    ]
    assert ttls == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["web.service.a.dc1.dc.consul", "node.consul", "service.consul"])
async def test_other_forms_are_no_names(name: str, world: World) -> None:
    """Neither a locality of three parts nor a kind alone is one."""
    await world.service("n1", "198.51.100.1", "web")
    assert (await world.ask(name)).rcode == "NXDOMAIN"


async def test_datacenters_are_a_label_or_two(world: World) -> None:
    """An unknown datacenter is an unknown name, and Enterprise labels are not understood."""
    await world.service("n1", "198.51.100.1", "web")
    for name in ("web.service.dc1.consul", "web.service.dc1.dc.consul"):
        assert (await world.ask(name)).answer
    for name in ("web.service.dc9.consul", "web.service.default.ns.consul", "web.service.p.peer.dc1.dc.consul"):
        assert (await world.ask(name)).rcode == "NXDOMAIN"


async def test_a_node_answers_with_its_address_and_metadata(world: World) -> None:
    """The metadata is additional, or the answer where TXT or ANY is asked."""
    await world.node("N1", "198.51.100.1", {"k": "v"})
    found = await world.ask("n1.node.consul")
    assert found.answer == ["n1.node.consul. 0 A 198.51.100.1"]
    assert found.additional == ['n1.node.consul. 0 TXT "k=v"']
    assert (await world.ask("n1.node.consul", "TXT")).answer == ['n1.node.consul. 0 TXT "k=v"']
    empty = await world.ask("n1.node.consul", "AAAA")
    assert (empty.rcode, empty.answer, empty.authority) == ("NOERROR", [], [])
    assert (await world.ask("n1.node.consul", "MX")).rcode == "NOERROR"
    assert (await world.ask("other.node.consul")).rcode == "NXDOMAIN"


async def test_names_spell_addresses(world: World) -> None:
    """Eight hexadecimal digits are an IPv4 address, 32 an IPv6 one, anything else no name."""
    assert (await world.ask("c0000201.addr.consul")).answer == ["c0000201.addr.consul. 0 A 192.0.2.1"]
    assert (await world.ask("c0000201.addr.dc1.consul", "AAAA")).additional[0].endswith(" A 192.0.2.1")
    assert (await world.ask("c000020g.addr.consul")).rcode == "NXDOMAIN"
    assert (await world.ask("a.c0000201.addr.consul")).rcode == "NXDOMAIN"


async def test_reverse_names_find_nodes_before_services(world: World) -> None:
    """The question's type does not matter; what nobody has is no name."""
    await world.service("n1", "198.51.100.1", "web", address="203.0.113.7")
    assert (await world.ask("1.100.51.198.in-addr.arpa", "PTR")).answer == [
        "1.100.51.198.in-addr.arpa. 0 PTR n1.node.dc1.consul."
    ]
    assert (await world.ask("7.113.0.203.in-addr.arpa", "PTR")).answer == [
        "7.113.0.203.in-addr.arpa. 0 PTR web.service.dc1.consul."
    ]
    missing = await world.ask("9.113.0.203.in-addr.arpa", "PTR")
    assert missing.rcode == "NXDOMAIN"
    assert missing.authority[0].startswith(SOA)


async def test_the_start_of_authority_is_told_of_any_name(world: World) -> None:
    """Of the zone in the answer, of an address in the authority section beside its name."""
    await world.node("n1", "198.51.100.1")
    assert (await world.ask("consul", "SOA")).answer[0].startswith("consul. 0 SOA ns.consul.")
    found = await world.ask("1.100.51.198.in-addr.arpa", "SOA")
    assert found.answer == ["1.100.51.198.in-addr.arpa. 0 PTR n1.node.dc1.consul."]
    assert found.authority[0].startswith(SOA)


async def test_the_zone_names_its_servers(world: World) -> None:
    """SOA has them as authority, NS as the answer, both with their addresses; at most three."""
    for number in range(1, 6):
        await world.service(f"s{number}", f"198.51.100.{number}", "consul", 8300)
    found = await world.ask("consul", "SOA")
    assert found.answer[0].startswith(SOA)
    assert len(found.authority) == len(found.additional) == 3
    servers = await world.ask("anything.consul", "NS")
    assert len(servers.answer) == len(servers.additional) == 3
    assert servers.answer[0].startswith("consul. 0 NS s")


async def test_the_other_domain_answers_under_its_own_name(world: World) -> None:
    """``alt_domain`` is as good as the domain; targets use the one that was asked."""
    world.configure(alt_domain="test.")
    await world.service("n1", "198.51.100.1", "web", 8)
    assert (await world.ask("web.service.test", "SRV")).answer == ["web.service.test. 0 SRV 1 1 8 n1.node.dc1.test."]
    assert (await world.ask("nope.service.test")).authority[0].startswith("test. 0 SOA ns.test.")


async def test_foreign_names_are_refused_without_recursors(world: World) -> None:
    """We are no authority for them."""
    found = await world.ask("example.com")
    assert (found.rcode, found.flags) == ("REFUSED", "QR RD")


async def test_zone_transfers_are_not_implemented(world: World) -> None:
    """AXFR is told so."""
    assert (await world.ask("consul", "AXFR", tcp=True)).rcode == "NOTIMP"


async def test_tagged_addresses_win_for_their_family(world: World) -> None:
    """A ``lan_ipv6`` address answers AAAA where the plain one is IPv4."""
    tagged = {"lan_ipv6": ("2001:db8::7", 9), "lan_ipv4": ("203.0.113.9", 9)}
    await world.service("n1", "198.51.100.1", "web", address="203.0.113.7", tagged=tagged)
    assert (await world.ask("web.service.consul")).answer[0].endswith(" A 203.0.113.9")
    assert (await world.ask("web.service.consul", "AAAA")).answer[0].endswith(" AAAA 2001:db8::7")


@pytest.mark.parametrize(
    ("rtype", "datacenter", "where"),
    [
        (Type.A, "dc1", "10.0.0.1:80"),
        (Type.A, "dc2", "198.51.100.4:8080"),
        (Type.AAAA, "dc1", "10.0.0.1:80"),
        (Type.AAAA, "dc2", "2001:db8::6:8080"),
    ],
)
def test_other_datacenters_see_the_addresses_for_them(rtype: Type, datacenter: str, where: str) -> None:
    """With ``translate_wan_addrs``: the one of the family that is asked for, else that for all; the port goes along."""
    settings = DnsSettings(translate_wan=True)
    tagged = {
        "wan": ServiceAddress(Address="198.51.100.1", Port=8080),
        "wan_ipv4": ServiceAddress(Address="198.51.100.4", Port=1),
        "wan_ipv6": ServiceAddress(Address="2001:db8::6", Port=2),
    }
    service = NodeService(Service="web", Address="10.0.0.1", Port=80, TaggedAddresses=tagged)
    found = service_address(settings, datacenter, service, rtype)
    assert f"{found}:{service_port(settings, datacenter, service)}" == where


async def test_a_failing_catalog_is_a_server_failure(world: World) -> None:
    """The client may ask another server then."""
    world.fault = NoLeader()
    assert (await world.ask("web.service.consul")).rcode == "SERVFAIL"
    assert (await world.ask("7.113.0.203.in-addr.arpa", "PTR")).rcode == "NXDOMAIN"  # as far as anybody can say


async def test_names_too_long_for_the_wire_are_a_server_failure_not_silence(world: World) -> None:
    """A node may be called what no label can hold."""
    await world.service("n" * 70, "198.51.100.1", "web")
    assert (await world.ask("web.service.consul", "SRV")).rcode == "SERVFAIL"
    assert (await world.ask("web.service.consul", "A")).rcode == "NOERROR"


async def test_a_fault_of_ours_is_a_server_failure(world: World) -> None:
    """The client is not left waiting, and the next question is answered."""
    world.fault = RuntimeError("boom")
    assert (await world.ask("web.service.consul")).rcode == "SERVFAIL"
    world.fault = None
    assert (await world.ask("web.service.consul")).rcode == "NXDOMAIN"


async def test_prepared_queries_answer_by_name_with_their_own_ttl(world: World) -> None:
    """RFC 2782 names and dots are fine; what is unknown or empty is no name."""
    from pyconsul.structs.prepared_query import PreparedQuery, PreparedQueryRequest, QueryDNSOptions, ServiceQuery

    await world.service("n1", "198.51.100.1", "web", 8)
    for name, service in (("a.b", "web"), ("empty", "none")):
        query = PreparedQuery(Name=name, Service=ServiceQuery(Service=service), DNS=QueryDNSOptions(TTL="9s"))
        await world.server.call("PreparedQuery.Apply", PreparedQueryRequest(Op="create", Query=query))
    assert (await world.ask("a.b.query.consul")).answer == ["a.b.query.consul. 9 A 198.51.100.1"]
    assert (await world.ask("_a.b._tcp.query.dc1.consul", "SRV")).answer == [
        "_a.b._tcp.query.dc1.consul. 9 SRV 1 1 8 n1.node.dc1.consul."
    ]
    for name in ("empty.query.consul", "nope.query.consul", "a.b.query.dc2.consul", "a.b.query.x.dc1.consul"):
        assert (await world.ask(name)).rcode == "NXDOMAIN"


async def test_virtual_addresses_are_told_where_there_are_any(world: World) -> None:
    """A service that the mesh knows has one; another has no records."""
    from pyconsul.structs.connect_proxy import ConnectProxyConfig

    proxy = ConnectProxyConfig(DestinationServiceName="web")
    await world.service("n1", "198.51.100.1", "web-proxy", Kind="connect-proxy", Proxy=proxy)
    found = await world.ask("web.virtual.consul")
    assert [line[:29] for line in found.answer] == ["web.virtual.consul. 0 A 240.0"]
    none = await world.ask("none.virtual.consul")
    assert (none.rcode, none.answer) == ("NOERROR", [])
