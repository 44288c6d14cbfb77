"""``/v1/query`` through the door of an agent without sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.door import DoorClient, leading_agent

UNKNOWN = "adf4238a-882b-9ddc-4a9d-5b6758e4159e"


class Api(DoorClient):
    """Asks the door of one agent."""

    async def create(self, name: str, **fields: Any) -> str:
        """Store a query for the service web; its ID."""
        answer = await self.ask("POST", "query", {"Name": name, "Service": {"Service": "web"}, **fields})
        assert answer.status == 200, answer.text
        return answer.body["ID"]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """A dev agent whose server leads, with one instance of web; no port is opened."""
    async with leading_agent() as agent:
        api = Api(agent)
        web = {"Node": "n1", "Address": "10.0.0.1", "Service": {"Service": "web", "Port": 80}}
        await api.put("catalog/register", web)
        yield api


async def test_a_query_is_written_read_and_dropped(api: Api) -> None:
    """Update and delete answer nothing; the ID of the path counts."""
    query_id = await api.create("first")
    assert (await api.ask("GET", f"query/{query_id}")).body[0]["Name"] == "first"
    update = await api.ask("PUT", f"query/{query_id}", {"ID": "other", "Name": "second", "Service": {"Service": "db"}})
    assert (update.status, update.raw) == (200, b"")
    shown = (await api.ask("GET", "query")).body
    assert [(q["ID"], q["Name"], q["Service"]["Service"]) for q in shown] == [(query_id, "second", "db")]
    assert (await api.ask("DELETE", f"query/{query_id}")).raw == b""
    assert (await api.ask("GET", "query")).raw == b"[]"


async def test_an_execution_shows_its_meta_data_in_body_and_headers(api: Api) -> None:
    """The fields stand in Consul's order."""
    await api.create("q", DNS={"TTL": "5s"})
    answer = await api.ask("GET", "query/q/execute")
    assert list(answer.body) == [
        "Service",
        "Nodes",
        "DNS",
        "Datacenter",
        "PeerName",
        "Failovers",
        "Index",
        "LastContact",
        "KnownLeader",
        "ConsistencyLevel",
        "NotModified",
        "Backend",
        "ResultsFilteredByACLs",
    ]
    assert [row["Node"]["Node"] for row in answer.body["Nodes"]] == ["n1"]
    assert answer.body["Backend"] == 0
    assert answer.headers["X-Consul-Query-Backend"] == "blocking-query"
    assert answer.headers["X-Consul-Effective-Consistency"] == answer.body["ConsistencyLevel"] == "leader"
    assert (await api.ask("GET", "query/q/execute?stale")).body["ConsistencyLevel"] == "stale"


async def test_an_execution_may_come_from_the_agent_s_cache(api: Api) -> None:
    """``X-Cache`` says so; explaining never does."""
    await api.create("q")
    found = [(await api.ask("GET", "query/q/execute?cached")).headers["X-Cache"] for _ in range(2)]
    assert found == ["MISS", "HIT"]
    assert "X-Cache" not in (await api.ask("GET", "query/q/explain?cached")).headers


async def test_an_explanation_shows_the_query_as_filled_in(api: Api) -> None:
    """Also where the name is another query's beginning."""
    await api.create("geo-", Template={"Type": "name_prefix_match"}, Service={"Service": "${name.suffix}"})
    assert (await api.ask("GET", "query/geo-x/explain")).body["Query"]["Service"]["Service"] == "x"


@pytest.mark.parametrize(
    ("url", "status", "text"),
    [
        (f"query/{UNKNOWN}", 404, "Query not found"),
        ("query/nope/execute", 404, "Query not found"),
        ("query/execute", 404, "Query not found"),
        ("query/nope/explain", 404, "Query not found"),
        ("query/nope/bogus", 500, "failed prepared query lookup: index error: UUID must be 36 characters"),
    ],
)
async def test_a_failed_read_shows_the_headers_of_a_read(api: Api, url: str, status: int, text: str) -> None:
    """No leader was known to whoever reads these headers."""
    answer = await api.ask("GET", url)
    assert (answer.status, answer.text) == (status, text)
    assert answer.headers["X-Consul-Knownleader"] == "false"
    assert answer.headers["X-Consul-Index"] == "1"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("query/q/execute?limit=x", 'Bad limit: strconv.Atoi: parsing "x": invalid syntax'),
        ("query/q/explain?limit=1.5", 'Bad limit: strconv.Atoi: parsing "1.5": invalid syntax'),
        (
            "query/q/execute?connect=maybe",
            "Error parsing 'connect' value: strconv.ParseBool: parsing \"maybe\": invalid syntax",
        ),
    ],
)
async def test_bad_parameters_are_errors_without_a_read(api: Api, url: str, text: str) -> None:
    """Nothing was asked of a server, so there is nothing to show."""
    answer = await api.ask("GET", url)
    assert (answer.status, answer.text) == (500, text)
    assert "X-Consul-Index" not in answer.headers


@pytest.mark.parametrize(
    ("method", "url", "allow"),
    [
        ("PUT", "query", "OPTIONS,GET,POST"),
        ("POST", "query/x", "GET,PUT,DELETE"),
        ("HEAD", "query/x", "GET,PUT,DELETE"),
        ("PUT", "query/x/execute", "GET"),
        ("DELETE", "query/x/explain", "GET"),
    ],
)
async def test_wrong_methods_are_told_the_right_ones(api: Api, method: str, url: str, allow: str) -> None:
    """Running and explaining go by GET alone."""
    answer = await api.ask(method, url)
    assert (answer.status, answer.headers["Allow"]) == (405, allow)
    assert answer.text == f"method {method} not allowed"


@pytest.mark.parametrize(
    ("url", "allow"),
    [("query", "OPTIONS,GET,POST"), ("query/x", "OPTIONS,GET,PUT,DELETE"), ("query/x/execute", "OPTIONS,GET")],
)
async def test_options_lists_the_methods(api: Api, url: str, allow: str) -> None:
    """Each of the three kinds of paths has its own."""
    assert (await api.ask("OPTIONS", url)).headers["Allow"] == allow


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "EOF"),
        (b'{"a":', "unexpected EOF"),
        (b'{"Bogus": 1}', 'json: unknown field "Bogus"'),
        (b'{"Service": {"Namespace": "n"}}', 'json: unknown field "Namespace"'),
        (b"[]", "json: cannot unmarshal array into Go value of type structs.PreparedQuery"),
        (b'{"Name": 1}', "json: cannot unmarshal number into Go struct field PreparedQuery.Name of type string"),
    ],
)
async def test_bodies_that_are_no_query_are_refused_in_go_s_words(api: Api, body: bytes, text: str) -> None:
    """With status 400."""
    answer = await api.ask("POST", "query", body)
    assert answer.status == 400
    assert answer.text == f"Request decode failed: {text}"


async def test_keys_match_in_any_case_and_null_means_nothing(api: Api) -> None:
    """A body of null is an empty query, which lacks a name."""
    assert (await api.ask("POST", "query", {"name": "a", "SERVICE": {"service": "x", "Tags": None}})).status == 200
    assert (await api.ask("POST", "query", b"null")).text == "Invalid prepared query: Must be bound to a session"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Name", "Service", "Template", "DNS", "Failover", "Tags", "Type", "TTL", "NodeMeta", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON)
async def test_any_json_is_stored_or_refused_clearly(api: Api, body: Any) -> None:
    """Whatever was stored can be listed."""
    answer = await api.ask("POST", "query", body)
    assert answer.status in (200, 400, 500)
    assert b"internal error" not in answer.raw
    assert (await api.ask("GET", "query")).status == 200
