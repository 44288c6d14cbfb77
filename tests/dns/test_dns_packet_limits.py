"""How many records an answer carries, over which transport, and in how many octets."""

from __future__ import annotations

from typing import Any

import dns.edns
import dns.flags
import dns.message
import pytest

from pyconsul.structs.prepared_query import PreparedQuery, PreparedQueryRequest, ServiceQuery
from tests.dns.conftest import World
from tests.rdata import rdata_of


async def fill(world: World, count: int, name: str = "web", meta: dict[str, str] | None = None) -> None:
    """Put ``count`` instances."""
    for number in range(1, count + 1):
        await world.service(f"n{number}", f"198.51.100.{number}", name, 8000 + number, meta=meta)


@pytest.mark.parametrize(("settings", "shown"), [({}, 3), ({"udp_answer_limit": 5}, 5), ({"udp_answer_limit": 50}, 8)])
async def test_plain_udp_shows_a_few_instances(world: World, settings: dict[str, int], shown: int) -> None:
    """``udp_answer_limit`` holds for clients without EDNS, and eight whatever it says."""
    world.configure(**settings)
    await fill(world, 20)
    assert len((await world.ask("web.service.consul")).answer) == shown


async def test_edns_and_tcp_show_what_fits(world: World) -> None:
    """A client that takes larger packets gets all instances that fit into them."""
    await fill(world, 60)
    assert len((await world.ask("web.service.consul", edns=4096)).answer) == 60
    small = await world.ask("web.service.consul", edns=600)
    assert 30 < len(small.answer) < 60
    assert len(small.wire) <= 600
    assert len((await world.ask("web.service.consul", tcp=True)).answer) == 60
    assert len((await world.ask("web.service.consul", edns=512)).answer) == 3


async def test_a_cut_answer_says_so_only_where_configured(world: World) -> None:
    """``enable_truncate`` sets TC; without it clients do not come back by TCP."""
    await fill(world, 5)
    assert not (await world.ask("web.service.consul")).message.flags & dns.flags.TC
    world.configure(enable_truncate=True)
    assert (await world.ask("web.service.consul")).message.flags & dns.flags.TC
    assert not (await world.ask("web.service.consul", tcp=True)).message.flags & dns.flags.TC


async def test_the_a_record_limit_holds_everywhere_but_for_srv(world: World) -> None:
    """``a_record_limit`` counts addresses, over TCP too."""
    world.configure(a_record_limit=2)
    await fill(world, 5)
    assert len((await world.ask("web.service.consul", tcp=True)).answer) == 2
    assert len((await world.ask("web.service.consul", "SRV", tcp=True)).answer) == 5


async def test_additional_records_follow_the_answers_that_are_left(world: World) -> None:
    """Of a cut SRV answer, the targets that are left bring their address and nothing else."""
    await fill(world, 6, meta={"k": "v"})
    whole = await world.ask("web.service.consul", "SRV", tcp=True)
    assert len(whole.additional) == 12
    for _ in range(5):
        cut = await world.ask("web.service.consul", "SRV")
        targets = {line.split()[-1] for line in cut.answer}
        assert len(targets) == 3
        assert {line.split()[0] for line in cut.additional} == targets
        assert {line.split()[2] for line in cut.additional} == {"A"}


async def test_instances_are_shuffled(world: World) -> None:
    """Over many answers every instance comes first once."""
    await fill(world, 6)
    answers = [(await world.ask("web.service.consul", tcp=True)).message.answer for _ in range(100)]
    firsts = {str(rdata_of(answer)[0]) for answer in answers}
    assert len(firsts) == 1 or len(firsts) == 6  # dnspython may sort an rrset
    seen = {line for _ in range(100) for line in (await world.ask("web.service.consul")).answer}
    assert len(seen) == 6


async def test_one_address_is_listed_once(world: World) -> None:
    """Two instances of a service on one node are one address, but two SRV records."""
    await world.service("n1", "198.51.100.1", "web", 1, id="a")
    await world.service("n1", "198.51.100.1", "web", 2, id="b")
    assert len((await world.ask("web.service.consul")).answer) == 1
    assert len((await world.ask("web.service.consul", "SRV")).answer) == 2


@pytest.mark.parametrize(("compress", "size"), [(True, 198), (False, 306)])
async def test_sizes_are_those_of_consul(world: World, compress: bool, size: int) -> None:
    """Owners point back, SRV targets are written out and pointed to; without compression nothing is."""
    world.configure(compress=compress)
    for number in (1, 2, 3):
        await world.service(f"n{number}", f"198.51.100.{number}", "zip", 1000 + number)
    assert len((await world.ask("zip.service.consul", "SRV")).wire) == size


async def test_the_edns_record_comes_back_with_the_client_s_size(world: World) -> None:
    """A client without EDNS gets none."""
    await fill(world, 1)
    assert (await world.ask("web.service.consul", edns=1232)).message.payload == 1232
    assert (await world.ask("web.service.consul")).message.edns == -1


@pytest.mark.parametrize(
    ("name", "rtype", "asked", "told"),
    [
        ("web.service.consul", "A", ("192.0.2.77", 24), ("192.0.2.0", 24, 0)),
        ("near.query.consul", "A", ("192.0.2.77", 24), ("192.0.2.0", 24, 24)),
        ("near.query.consul", "A", ("2001:db8:1:2:3::", 56), ("2001:db8:1::", 56, 56)),
        ("near.query.consul", "A", ("0.0.0.0", 0), ("0.0.0.0", 0, 0)),
        ("nobody.query.consul", "A", ("192.0.2.77", 24), ("192.0.2.0", 24, 0)),
    ],
)
async def test_a_client_s_subnet_comes_back_with_whom_the_answer_is_good_for(
    name: str, rtype: str, asked: tuple[str, int], told: tuple[str, int, int], world: World
) -> None:
    """Answers of prepared queries may hang on where the client is, those of services and about nothing do not."""
    await world.service("n1", "198.51.100.1", "web")
    query = PreparedQuery(Name="near", Service=ServiceQuery(Service="web"))
    await world.server.call("PreparedQuery.Apply", PreparedQueryRequest(Op="create", Query=query))
    sent = dns.message.make_query(name, rtype, use_edns=0, options=[dns.edns.ECSOption(*asked)])
    packet = await world.packet(sent.to_wire())
    assert packet is not None
    assert subnet_in(dns.message.from_wire(packet)) == told


def subnet_in(message: Any) -> tuple[str, int, int]:
    """Address, and the lengths of its prefix for source and scope, of the only EDNS option."""
    (option,) = message.options
    return option.address, option.srclen, option.scopelen


async def test_a_huge_service_fits_into_tcp(world: World) -> None:
    """64 KiB are the end of every message."""
    from ipaddress import IPv4Address

    from pyconsul.agent.dns.lookup import Group, RecordSet
    from pyconsul.agent.dns.message import Query
    from pyconsul.agent.dns.records import Type, address, srv

    name = "web.service.consul."
    query = Query(1, 0x100, name, Type.SRV)
    groups: list[Group] = []
    for number in range(3000):
        target = f"node-{number}.node.dc1.consul."
        ip = IPv4Address(number)
        groups.append(Group(number, (srv(name, 0, 1, number, target),), (address(target, 0, ip),)))
    packet = world.door.core.packet(query, RecordSet(groups=groups), tcp=True, now=0)
    assert 50_000 < len(packet) <= 65_535


@pytest.mark.parametrize("rtype", ["A", "SRV"])
async def test_what_is_cut_answers_edns_without_edns(rtype: str, world: Any) -> None:
    """As from Consul: the records that are left out take the OPT record with them."""
    await fill(world, 3)
    assert (await world.ask("web.service.consul", rtype, edns=512)).message.edns == 0
    await fill(world, 5)
    assert (await world.ask("web.service.consul", rtype, edns=512)).message.edns == -1
