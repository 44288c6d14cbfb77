"""Who waits for one session or one query sleeps while others come and go; the index is that of all of them."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.http.conftest import Wire, connected, running


async def made(wire: Wire, path: str, method: str, **fields: Any) -> str:
    """The ID of a new session or query."""
    return json.loads((await wire.get(path, method=method, body=json.dumps(fields).encode())).body)["ID"]


async def a_session(wire: Wire) -> str:
    """The ID of a new session."""
    return await made(wire, "/v1/session/create", "PUT")


async def a_query(wire: Wire) -> str:
    """The ID of a new prepared query."""
    rows = json.loads((await wire.get("/v1/query")).body)
    return await made(wire, "/v1/query", "POST", Name=f"q{len(rows)}", Service={"Service": "web"})


@pytest.mark.parametrize(
    ("make", "read", "end"),
    [
        (a_session, "/v1/session/info/{}", ("PUT", "/v1/session/destroy/{}")),
        (a_query, "/v1/query/{}", ("DELETE", "/v1/query/{}")),
    ],
    ids=["session", "query"],
)
async def test_only_the_rows_own_end_wakes_its_waiter(
    make: Callable[[Wire], Awaitable[str]], read: str, end: tuple[str, str]
) -> None:
    """Another one that is made meanwhile is no news."""
    async with running() as agent, connected(agent) as waiting, connected(agent) as writing:
        row = await make(writing)
        index = (await writing.get(read.format(row))).headers["x-consul-index"]
        waiting.send(f"GET {read.format(row)}?index={index}&wait=60s HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        while not agent.server.shared_reads.waiting:
            await writing.get("/v1/status/leader")
        await make(writing)
        await writing.get(end[1].format(row), method=end[0])
        assert (await waiting.answer()).body in (b"[]", b"Query not found")


@pytest.mark.parametrize(("make", "read"), [(a_session, "/v1/session/info/{}"), (a_query, "/v1/query/{}")])
async def test_a_plain_read_shows_the_index_of_all(
    make: Callable[[Wire], Awaitable[str]], read: str, wire: Wire
) -> None:
    """Also when the reply was kept from before."""
    row = await make(wire)
    indexes: list[int] = []
    for _ in range(3):
        indexes += [int((await wire.get(read.format(row))).headers["x-consul-index"]) for _ in range(2)]
        await make(wire)
    assert indexes[0] == indexes[1] < indexes[2] == indexes[3] < indexes[4] == indexes[5]


async def test_sessions_of_other_nodes_wake_nobody_who_waits_for_those_of_one() -> None:
    """The index is that of all sessions here, too, but the answer comes with the node's own."""
    async with running() as agent, connected(agent) as waiting, connected(agent) as writing:
        body = json.dumps({"Node": "n1", "Address": "10.0.0.1"}).encode()
        await writing.get("/v1/catalog/register", method="PUT", body=body)
        await a_session(writing)
        index = (await writing.get("/v1/session/node/n1")).headers["x-consul-index"]
        waiting.send(f"GET /v1/session/node/n1?index={index}&wait=60s HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        while not agent.server.shared_reads.waiting:
            await writing.get("/v1/status/leader")
        await a_session(writing)
        await made(writing, "/v1/session/create", "PUT", Node="n1", NodeChecks=[])
        assert len(json.loads((await waiting.answer()).body)) == 1
