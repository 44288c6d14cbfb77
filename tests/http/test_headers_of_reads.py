"""What the headers of a read say, and how a read says how fresh it is to be."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.agent.http.discovery import consistency_of
from pyconsul.agent.http.reply import meta_fields, meta_headers
from pyconsul.structs.wire import BACKEND_STREAMING, Indexed, ReadRequest
from tests.door import DoorClient, leading_agent

PLAIN = {
    "X-Consul-Index": "7",
    "X-Consul-Knownleader": "true",
    "X-Consul-Lastcontact": "0",
    "X-Consul-Query-Backend": "blocking-query",
}


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"Index": 0}, {"X-Consul-Index": "1"}),
        ({"KnownLeader": False}, {"X-Consul-Knownleader": "false"}),
        ({"LastContact": 1_999_999}, {"X-Consul-Lastcontact": "1"}),
        ({"LastContact": -5}, {"X-Consul-Lastcontact": "0"}),
        ({"ConsistencyLevel": "stale"}, {"X-Consul-Effective-Consistency": "stale"}),
        ({"Backend": BACKEND_STREAMING}, {"X-Consul-Query-Backend": "streaming"}),
        ({"ResultsFilteredByACLs": True}, {"X-Consul-Results-Filtered-By-Acls": "true"}),
    ],
)
def test_the_headers_of_a_read_tell_its_meta_data(fields: dict[str, Any], headers: dict[str, str]) -> None:
    """An index of none is 1, contact is in milliseconds, and what does not apply is not there."""
    given: dict[str, Any] = {"Index": 7, **fields}
    assert meta_headers(Indexed(**given)) == PLAIN | headers


def test_a_body_may_have_the_meta_data_and_only_them() -> None:
    """Under the names of the fields, as they are."""
    assert meta_fields(Indexed(Index=7, LastContact=3)) == {
        "Index": 7,
        "LastContact": 3,
        "KnownLeader": True,
        "ConsistencyLevel": "",
        "NotModified": False,
        "Backend": 0,
        "ResultsFilteredByACLs": False,
    }


@pytest.mark.parametrize(
    ("consistent", "stale", "level"),
    [(False, False, "leader"), (False, True, "stale"), (True, False, "consistent"), (True, True, "consistent")],
)
def test_a_read_is_as_consistent_as_it_asks(consistent: bool, stale: bool, level: str) -> None:
    """Of two wishes the stricter one counts."""
    assert consistency_of(ReadRequest(RequireConsistent=consistent, AllowStale=stale)) == level


@pytest.mark.parametrize("method", ["consistent", "stale", "leader"])
async def test_the_effective_consistency_is_told(method: str) -> None:
    """Of what was asked for, or of the default."""
    async with leading_agent() as agent:
        query = "" if method == "leader" else f"?{method}"
        answer = await DoorClient(agent).get(f"catalog/nodes{query}")
        assert answer.headers["X-Consul-Effective-Consistency"] == method


@pytest.mark.parametrize("path", ["catalog/nodes", "catalog/node/here", "health/node/here"])
async def test_a_partition_is_refused_wherever_it_stands(path: str) -> None:
    """In the header or in the query, each in its words."""
    async with leading_agent() as agent:
        door = DoorClient(agent)
        by_header = await door.get(path, X_Consul_Partition="p")
        by_query = await door.get(f"{path}?partition=p")
        rest = "- Partitions are a Consul Enterprise feature"
        assert (by_header.status, by_header.text) == (400, f'Invalid header: "X-Consul-Partition" {rest}')
        assert (by_query.status, by_query.text) == (400, f'Invalid query parameter: "partition" {rest}')


async def test_a_transaction_that_only_reads_has_the_headers_of_a_read() -> None:
    """But no index; one that writes has none of them."""
    async with leading_agent() as agent:
        door = DoorClient(agent)
        read = await door.put("txn", [{"KV": {"Verb": "check-not-exists", "Key": "a"}}])
        assert (read.headers["X-Consul-Lastcontact"], read.headers["X-Consul-Knownleader"]) == ("0", "true")
        assert "X-Consul-Index" not in read.headers
        written = await door.put("txn", [{"KV": {"Verb": "set", "Key": "a", "Value": ""}}])
        assert not {name for name in written.headers if name.startswith("X-Consul-K") or "Lastcontact" in name}


async def test_a_value_of_a_transaction_has_the_limit_of_a_value() -> None:
    """The key is named, and nothing is written."""
    async with leading_agent("limits { kv_max_value_size = 3 }") as agent:
        door = DoorClient(agent)
        fits = [{"KV": {"Verb": "set", "Key": "a", "Value": "eHh4"}}]
        large = [{"KV": {"Verb": "set", "Key": "b", "Value": "eHh4eA=="}}]
        assert (await door.put("txn", fits)).status == 200
        refused = await door.put("txn", [*fits, *large])
        assert (refused.status, refused.text) == (413, 'Value for key "b" is too large (4 > 3 bytes)')
        assert (await door.get("kv/b")).status == 404
