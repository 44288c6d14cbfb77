"""Prepared queries through their RPC methods."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.server.server import Server
from pyconsul.structs.catalog import DCSpecificRequest, QuerySource
from pyconsul.structs.coordinate import Coordinate, CoordinateUpdateRequest
from pyconsul.structs.errors import ConsulError, InternalError, NotFound
from pyconsul.structs.prepared_query import (
    PreparedQuery,
    PreparedQueryExecuteRemoteRequest,
    PreparedQueryExecuteRequest,
    PreparedQueryExecuteResponse,
    PreparedQueryRequest,
    PreparedQuerySpecificRequest,
    QueryDNSOptions,
    QueryFailoverOptions,
    QueryFailoverTarget,
    QueryTemplateOptions,
    ServiceQuery,
)
from pyconsul.structs.session import Session, SessionRequest

UNKNOWN = "adf4238a-882b-9ddc-4a9d-5b6758e4159e"


async def put(server: Server, query: PreparedQuery, op: str = "create") -> str:
    """Write a query; its ID."""
    return await server.call("PreparedQuery.Apply", PreparedQueryRequest(Op=op, Query=query))


async def web(server: Server, name: str = "q", **service: Any) -> str:
    """A query for the service web."""
    return await put(server, PreparedQuery(Name=name, Service=ServiceQuery(Service="web", **service)))


async def execute(server: Server, name: str = "q", **ask: Any) -> PreparedQueryExecuteResponse:
    """Run a query."""
    return await server.call("PreparedQuery.Execute", PreparedQueryExecuteRequest(QueryIDOrName=name, **ask))


def nodes(found: PreparedQueryExecuteResponse) -> list[str]:
    """The nodes found."""
    return [row.Node.Node for row in found.Nodes or [] if row.Node]


async def test_a_query_is_found_by_id_and_in_the_list_until_deleted(server: Server) -> None:
    """Create, read, list, delete."""
    query_id = await web(server)
    got = await server.call("PreparedQuery.Get", PreparedQuerySpecificRequest(QueryID=query_id))
    assert [(q.ID, q.Name, q.CreateIndex, q.ModifyIndex) for q in got.Queries] == [
        (query_id, "q", got.Index, got.Index)
    ]
    assert len((await server.call("PreparedQuery.List", DCSpecificRequest())).Queries) == 1
    await put(server, PreparedQuery(ID=query_id), "delete")
    with pytest.raises(NotFound, match="Query not found"):
        await server.call("PreparedQuery.Get", PreparedQuerySpecificRequest(QueryID=query_id))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (PreparedQuery(Service=ServiceQuery(Service="x")), "Invalid prepared query: Must be bound to a session"),
        (PreparedQuery(Name="y"), "Invalid prepared query: Must provide a Service name to query"),
        (
            PreparedQuery(Name="y", Service=ServiceQuery(Service="x", SamenessGroup="g")),
            "Invalid prepared query: sameness-groups are an enterprise-only feature",
        ),
        (
            PreparedQuery(Name="y", Service=ServiceQuery(Service="x", Failover=QueryFailoverOptions(NearestN=-1))),
            "Invalid prepared query: Bad NearestN '-1', must be >= 0",
        ),
        (
            PreparedQuery(
                Name="y",
                Service=ServiceQuery(
                    Service="x",
                    Failover=QueryFailoverOptions(NearestN=1, Targets=[QueryFailoverTarget(Datacenter="a")]),
                ),
            ),
            "Invalid prepared query: Targets cannot be populated with NearestN or Datacenters",
        ),
        (
            PreparedQuery(Name="y", Service=ServiceQuery(Service="x"), DNS=QueryDNSOptions(TTL="-1s")),
            "Invalid prepared query: DNS TTL '-1000000000', must be >=0",
        ),
        (
            PreparedQuery(Name="y", Service=ServiceQuery(Service="x"), DNS=QueryDNSOptions(TTL="x")),
            "Invalid prepared query: Bad DNS TTL 'x': time: invalid duration \"x\"",
        ),
        (
            PreparedQuery(Name="y", Service=ServiceQuery(Service="x"), Token="<hidden>"),
            "Invalid prepared query: Bad Token '<hidden>', it looks like a query definition with a redacted token "
            "was submitted",
        ),
        (
            PreparedQuery(Name="y", Session=UNKNOWN, Service=ServiceQuery(Service="x")),
            f'raft apply failed: invalid session "{UNKNOWN}"',
        ),
        (
            PreparedQuery(ID=UNKNOWN, Name="y", Service=ServiceQuery(Service="x")),
            "ID must be empty when creating a new prepared query",
        ),
        (
            PreparedQuery(Name="Q", Service=ServiceQuery(Service="x")),
            "raft apply failed: name 'Q' aliases an existing query name",
        ),
    ],
)
async def test_bad_queries_are_refused_in_consul_s_words(server: Server, query: PreparedQuery, text: str) -> None:
    """Nothing is stored then."""
    await web(server)
    with pytest.raises(InternalError) as refused:
        await put(server, query)
    assert refused.value.text == text
    assert len((await server.call("PreparedQuery.List", DCSpecificRequest())).Queries) == 1


async def test_a_name_may_not_be_another_query_s_id(server: Server) -> None:
    """Queries are run by ID or name, so that would be a way to hijack one."""
    query_id = await web(server)
    with pytest.raises(InternalError, match="aliases an existing query ID"):
        await web(server, name=query_id)


async def test_only_existing_queries_can_be_changed(server: Server) -> None:
    """Update and delete name the ID they miss, and complain about what is no ID."""
    query = PreparedQuery(ID=UNKNOWN, Name="z", Service=ServiceQuery(Service="x"))
    with pytest.raises(InternalError, match=f"Cannot modify non-existent prepared query: '{UNKNOWN}'"):
        await put(server, query, "update")
    with pytest.raises(InternalError, match="Prepared Query lookup failed: failed prepared query lookup: index error"):
        await put(server, PreparedQuery(ID="nosuch"), "delete")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x", "UUID must be 36 characters"),
        ("-----" + "0" * 31, 'UUID should have maximum of 4 "-"; got 5'),
        ("-" + "0" * 35, "Input (without hyphens) must be even length"),
        ("g" * 36, "Invalid UUID: encoding/hex: invalid byte: U+0067 'g'"),
    ],
)
async def test_what_is_no_id_is_an_error_and_not_missing(server: Server, text: str, fault: str) -> None:
    """The index of IDs says what is wrong."""
    with pytest.raises(InternalError) as refused:
        await server.call("PreparedQuery.Get", PreparedQuerySpecificRequest(QueryID=text))
    assert refused.value.text == f"failed prepared query lookup: index error: {fault}"


@pytest.mark.parametrize(
    ("service", "found"),
    [
        ({}, ["east-1", "east-2"]),
        ({"OnlyPassing": True}, ["east-1"]),
        ({"IgnoreCheckIDs": ["c1"]}, ["east-1", "east-2", "west-1"]),
        ({"Tags": ["V2"]}, ["east-2"]),
        ({"Tags": ["prod", "!v1"]}, ["east-2"]),
        ({"NodeMeta": {"zone": "east"}, "ServiceMeta": {"color": "red"}}, ["east-1"]),
        ({"NodeMeta": {"zone": "west"}}, []),
        ({"Connect": True}, []),
        ({"Peer": "other"}, []),
    ],
)
async def test_a_query_selects_instances(server: Server, service: dict[str, Any], found: list[str]) -> None:
    """Health, tags (any case, ! forbids), metadata of node and service, mesh and peer."""
    await web(server, **service)
    assert sorted(nodes(await execute(server))) == found


async def test_answers_are_shuffled_and_cut(server: Server) -> None:
    """Without a source each instance comes first once; the limit holds."""
    await web(server)
    firsts = {nodes(await execute(server, Limit=1))[0] for _ in range(60)}
    assert firsts == {"east-1", "east-2"}
    assert len(nodes(await execute(server, Limit=1))) == 1


@pytest.mark.parametrize(
    ("near", "source", "first"),
    [
        ("east-2", QuerySource(Datacenter="dc1"), "east-2"),
        ("_agent", QuerySource(Datacenter="dc1"), "east-1"),
        ("_ip", QuerySource(Datacenter="dc1", Ip="10.0.0.2"), "east-2"),
        ("east-1", QuerySource(Datacenter="dc1", Node="east-2"), "east-2"),
    ],
)
async def test_the_nearest_instance_comes_first(server: Server, near: str, source: QuerySource, first: str) -> None:
    """Near is a node, the agent that asks, or who has the source address; the asker's own wish wins."""
    for node, place in (("east-1", 0.0), ("east-2", 1.0)):
        coordinate = Coordinate(Vec=[place] + [0.0] * 7, Error=0.1, Adjustment=0.0, Height=1e-5)
        await server.call("Coordinate.Update", CoordinateUpdateRequest(Datacenter="dc1", Node=node, Coord=coordinate))
    await web(server, Near=near)
    for _ in range(10):
        found = await execute(server, Source=source, Agent=QuerySource(Datacenter="dc1", Node="east-1"))
        assert nodes(found)[0] == first


async def test_unknown_datacenters_are_not_failed_over_to(server: Server) -> None:
    """A single server knows of no other datacenter; a peer counts as tried."""
    await web(server, NodeMeta={"zone": "mars"}, Failover=QueryFailoverOptions(NearestN=2, Datacenters=["dc2"]))
    found = await execute(server)
    assert (nodes(found), found.Failovers, found.Datacenter) == ([], 0, "dc1")
    await web(server, "p", Tags=["none"], Failover=QueryFailoverOptions(Targets=[QueryFailoverTarget(Peer="other")]))
    found = await execute(server, "p")
    assert (found.Failovers, found.PeerName, found.Datacenter) == (1, "other", "")


async def test_a_query_of_another_datacenter_runs_here(server: Server) -> None:
    """It need not be stored here."""
    query = PreparedQuery(Service=ServiceQuery(Service="web"))
    ask = PreparedQueryExecuteRemoteRequest(Query=query, Limit=1)
    assert len(nodes(await server.call("PreparedQuery.ExecuteRemote", ask))) == 1


async def test_unknown_queries_are_not_found(server: Server) -> None:
    """By name, by ID, to run and to explain."""
    for method in ("PreparedQuery.Execute", "PreparedQuery.Explain"):
        for name in ("nope", UNKNOWN):
            with pytest.raises(NotFound, match="Query not found"):
                await server.call(method, PreparedQueryExecuteRequest(QueryIDOrName=name))


async def test_a_query_dies_with_its_session(server: Server) -> None:
    """Anonymous queries are bound to one."""
    session = await server.call("Session.Apply", SessionRequest(Op="create", Session=Session(Node="east-1")))
    query_id = await put(server, PreparedQuery(Session=session, Service=ServiceQuery(Service="web")))
    assert sorted(nodes(await execute(server, query_id))) == ["east-1", "east-2"]
    await server.call("Session.Apply", SessionRequest(Op="destroy", Session=Session(ID=session)))
    with pytest.raises(NotFound):
        await execute(server, query_id)


async def test_names_and_ids_compare_without_case(server: Server) -> None:
    """Both may be typed in any case."""
    query_id = await web(server, name="Mixed")
    for name in ("mixed", "MIXED", query_id.upper()):
        assert (await execute(server, name)).Service == "web"


async def test_the_longest_template_wins_and_a_plain_name_over_it(server: Server) -> None:
    """``geo-db`` is a query of its own, ``geo-x`` the template's, anything else the catch-all's."""
    kind = QueryTemplateOptions(Type="name_prefix_match")
    await put(server, PreparedQuery(Name="", Template=kind, Service=ServiceQuery(Service="any-${name.full}")))
    await put(server, PreparedQuery(Name="geo-", Template=kind, Service=ServiceQuery(Service="${name.suffix}")))
    await put(server, PreparedQuery(Name="geo-db", Service=ServiceQuery(Service="database")))

    async def service(name: str) -> str:
        return (await execute(server, name)).Service

    assert [await service(n) for n in ("geo-db", "GEO-web", "geo", "x")] == ["database", "GEO-web", "any-geo", "any-x"]


async def test_templates_are_run_by_name_only(server: Server) -> None:
    """An ID gives nothing to fill in."""
    template = PreparedQuery(
        Name="t-", Template=QueryTemplateOptions(Type="name_prefix_match"), Service=ServiceQuery(Service="${name.full}")
    )
    query_id = await put(server, template)
    with pytest.raises(InternalError, match="prepared query templates can only be resolved up by name, not by ID"):
        await execute(server, query_id)


async def test_blocking_reads_wake_on_a_change(server: Server) -> None:
    """A list waits for the next write to any query."""
    import asyncio

    await web(server)
    index = (await server.call("PreparedQuery.List", DCSpecificRequest())).Index
    waiting = asyncio.create_task(server.call("PreparedQuery.List", DCSpecificRequest(MinQueryIndex=index)))
    await asyncio.sleep(0)
    assert not waiting.done()
    await web(server, "other")
    async with asyncio.timeout(60):
        assert len((await waiting).Queries) == 2


async def test_what_is_wrong_is_always_a_consul_error(server: Server) -> None:
    """An unknown operation, an empty name."""
    for ask in (
        PreparedQueryRequest(Op="frobnicate", Query=PreparedQuery(ID=UNKNOWN)),
        PreparedQueryRequest(Op="create"),
    ):
        with pytest.raises(ConsulError):
            await server.call("PreparedQuery.Apply", ask)
    with pytest.raises(InternalError, match="Missing Query ID"):
        await execute(server, "")


async def test_queries_survive_a_snapshot_with_their_templates(server: Server) -> None:
    """A restore brings back what was deleted since; templates answer again."""
    template = QueryTemplateOptions(Type="name_prefix_match", Regexp="^t-(.*)$")
    await put(server, PreparedQuery(Name="t-", Template=template, Service=ServiceQuery(Service="${match(1)}")))
    query_id = await web(server)
    archive = await server.consensus.snapshot()
    await put(server, PreparedQuery(ID=query_id), "delete")
    await server.consensus.restore(archive.file)
    archive.close()
    assert (await execute(server, "t-web")).Service == "web"
    found = await server.call("PreparedQuery.List", DCSpecificRequest())
    assert {query.Name for query in found.Queries} == {"t-", "q"}
    assert found.Index == max(query.ModifyIndex for query in found.Queries)


async def test_a_query_keeps_its_creation_and_its_own_name_through_updates(server: Server) -> None:
    """Only the time of the last change moves."""
    query_id = await web(server)
    for tags in (["a"], ["b"]):
        service = ServiceQuery(Service="web", Tags=tags)
        await put(server, PreparedQuery(ID=query_id, Name="q", Service=service), "update")
    query = (await server.call("PreparedQuery.Get", PreparedQuerySpecificRequest(QueryID=query_id))).Queries[0]
    assert query.Service.Tags == ["b"]
    assert query.ModifyIndex == query.CreateIndex + 2
