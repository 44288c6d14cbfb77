"""Kept answers: the same octets as made anew, and gone as soon as the catalog changes."""

from __future__ import annotations

import random
from ipaddress import IPv4Address
from typing import Any

import dns.message
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.agent.dns.core import DnsCore
from pyconsul.agent.dns.lookup import Group, RecordSet
from pyconsul.agent.dns.message import Edns, Query, parse
from pyconsul.agent.dns.plan import AddressPlan, SrvPlan, plan_of
from pyconsul.agent.dns.records import Type, address, srv, txt
from pyconsul.agent.dns.settings import DnsSettings
from tests.dns.conftest import World
from tests.rdata import rdata_of

NAME = "web.service.consul."
LABELS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=20)


def srv_groups(nodes: list[str], texts: int) -> list[Group]:
    """One instance a node, with an address and some metadata."""
    groups: list[Group] = []
    for number, node in enumerate(nodes):
        target = f"{node}.node.dc1.consul."
        extras = [address(target, 0, IPv4Address(number)), *(txt(target, 0, f"k{i}=v") for i in range(texts))]
        groups.append(Group(node, (srv(NAME, 5, 1, 80 + number, target),), tuple(extras)))
    return groups


@settings(max_examples=150, deadline=None)
@given(
    nodes=st.lists(LABELS, min_size=1, max_size=30, unique=True),
    texts=st.integers(0, 2),
    payload=st.sampled_from([None, 512, 1232, 4096]),
    tcp=st.booleans(),
    limit=st.integers(1, 10),
    seed=st.integers(),
)
def test_a_planned_srv_answer_is_octet_for_octet_the_packed_one(
    nodes: list[str], texts: int, payload: int | None, tcp: bool, limit: int, seed: int
) -> None:
    """Whatever order the plan draws, packing the records in that order gives the same packet."""
    core = DnsCore(DnsSettings(udp_answer_limit=limit, enable_truncate=True), random.Random(seed))
    query = Query(0x1234, 0x100, NAME, Type.SRV, edns=None if payload is None else Edns(payload))
    found = RecordSet(groups=srv_groups(nodes, texts))
    plan = plan_of(core, query, found, tcp=tcp)
    if plan is None:
        return
    assert isinstance(plan, SrvPlan)
    packet = plan.packet(b"\x12\x34", random.Random(seed))
    shown = [data.target.to_text() for data in rdata_of(_srv_in_order(packet))]
    by_target = {group.answer[0].target: group for group in found.groups}
    order = [by_target[target] for target in shown] + [g for t, g in by_target.items() if t not in shown]
    assert packet == core.packet(query, RecordSet(groups=order, keep_order=True), tcp=tcp, now=0)


def _srv_in_order(packet: bytes) -> list[Any]:
    """The answer's records one by one, in the packet's order."""
    message = dns.message.from_wire(packet, one_rr_per_rrset=True)
    return list(message.answer)


@settings(max_examples=60, deadline=None)
@given(count=st.integers(1, 200), payload=st.sampled_from([None, 1232, 4096]), tcp=st.booleans())
def test_a_planned_address_answer_has_the_size_and_records_of_a_packed_one(
    count: int, payload: int | None, tcp: bool
) -> None:
    """Only which instances are shown differs."""
    core = DnsCore(DnsSettings(), random.Random(1))
    query = Query(7, 0x100, NAME, Type.A, edns=None if payload is None else Edns(payload))
    groups = [Group(n, (address(NAME, 0, IPv4Address(n)),)) for n in range(count)]
    found = RecordSet(groups=groups)
    plan = plan_of(core, query, found, tcp=tcp)
    assert isinstance(plan, AddressPlan)
    planned = plan.packet(b"\0\x07", random.Random(2))
    packed = core.packet(query, found, tcp=tcp, now=0)
    assert len(planned) == len(packed)
    assert planned[:12] == packed[:12]
    addresses = [data.address for data in rdata_of(dns.message.from_wire(planned).answer)]
    assert len(addresses) == len(set(addresses)) == len(plan.chunks[: plan.count])


async def test_the_second_question_asks_nobody(world: World) -> None:
    """An answer is kept under the octets of its question."""
    await world.service("n1", "198.51.100.1", "web")
    await world.ask("web.service.consul")
    asked = len(world.calls)
    assert (await world.ask("web.service.consul")).answer
    assert len(world.calls) == asked


async def test_a_node_s_answer_is_kept_as_one_packet(world: World) -> None:
    """Nothing in it is drawn by lot: only the question's number is another one."""
    await world.node("n1", "198.51.100.1", {"a": "b"})
    asked = [dns.message.make_query("n1.node.consul", "A", id=number) for number in (1, 2)]
    first, second = [await world.packet(each.to_wire()) for each in asked]
    assert world.calls == ["Catalog.NodeServices"]
    assert first is not None and second is not None
    assert (first[:2], second[:2], first[2:]) == (b"\0\1", b"\0\2", second[2:])


async def test_a_change_of_the_service_is_seen_by_the_next_question(world: World) -> None:
    """New instances, new status, new node address, the first instance of all: nothing stale is served."""
    assert (await world.ask("web.service.consul")).rcode == "NXDOMAIN"
    await world.service("n1", "198.51.100.1", "web", status="passing")
    assert len((await world.ask("web.service.consul")).answer) == 1
    await world.service("n2", "198.51.100.2", "web")
    assert len((await world.ask("web.service.consul")).answer) == 2
    await world.service("n2", "198.51.100.2", "web", status="critical")
    assert len((await world.ask("web.service.consul")).answer) == 1
    await world.node("n1", "198.51.100.77")
    assert (await world.ask("web.service.consul")).answer[0].endswith("198.51.100.77")


async def test_changes_elsewhere_leave_kept_answers_alone(world: World) -> None:
    """A write to another service forgets nothing."""
    await world.service("n1", "198.51.100.1", "web")
    await world.ask("web.service.consul")
    kept = len(world.door.cache)
    await world.service("n2", "198.51.100.2", "db")
    assert len(world.door.cache) == kept > 0


async def test_the_cache_is_bounded(world: World) -> None:
    """Questions for names that do not exist push each other out."""
    from pyconsul.agent.dns.cache import AnswerCache

    world.door.cache = AnswerCache(world.door.core, most=50)
    for number in range(200):
        await world.ask(f"no-{number}.service.consul")
    assert len(world.door.cache) <= 50


async def test_a_reload_forgets_everything(world: World) -> None:
    """Answers of the old settings are not served by the new ones."""
    await world.service("n1", "198.51.100.1", "web")
    await world.ask("web.service.consul")
    world.configure(node_ttl=9)
    assert len(world.door.cache) == 0


async def test_the_serial_of_a_kept_negative_answer_is_the_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """SOA records are made anew for each answer."""
    import pyconsul.agent.dns.server as server

    times = iter([1000.0, 2000.0])
    monkeypatch.setattr(server.time, "time", lambda: next(times))
    serials = [(await world.ask("no.service.consul")).authority[0].split()[5] for _ in range(2)]
    assert serials == ["1000", "2000"]


def test_cookies_do_not_make_questions_different() -> None:
    """EDNS options that change nothing are left out of the cache's key; the client's subnet is not."""
    from pyconsul.agent.dns.cache import cache_key

    def asked(options: bytes, number: int) -> Query:
        message = dns.message.make_query("web.service.consul", "A", use_edns=0, payload=1232)
        message.id = number
        raw = bytearray(message.to_wire())
        raw[-2:] = len(options).to_bytes(2, "big")
        return parse(bytes(raw) + options)

    cookies = [asked(b"\0\x0a\0\x08" + bytes([n]) * 8, n) for n in (1, 2)]
    subnets = [asked(b"\0\x08\0\x07\0\x01\x18\0\xc0\0" + bytes([n]), n) for n in (1, 2)]
    assert cache_key(cookies[0], tcp=False) == cache_key(cookies[1], tcp=False)
    assert cache_key(subnets[0], tcp=False) != cache_key(subnets[1], tcp=False)
    assert cache_key(msgspec.structs.replace(cookies[0], name="x."), tcp=False) != cache_key(cookies[0], tcp=False)
