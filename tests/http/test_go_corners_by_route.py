"""Corners of Go's decoder and of Consul's order of checks that clients can see."""

import json
from typing import Any

import pytest

from pyconsul.agent.http.request import Request
from tests.http.conftest import Wire, connected, running


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/v1/kv/?ns=x", 400, "Missing key name"),
        ("/v1/kv/a?ns=x", 400, 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature'),
        ("/v1/kv/?keys&ns=x", 400, 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature'),
    ],
)
async def test_a_missing_key_is_told_before_a_namespace(path: str, status: int, text: str, wire: Wire) -> None:
    """The key is looked for first, whatever else is wrong."""
    answer = await wire.get(path)
    assert (answer.status, answer.body.decode()) == (status, text)


@pytest.mark.parametrize(
    "path",
    ["catalog/nodes?", "connect/intentions/exact?source=a&destination=b&", "internal/ui/gateway-services-nodes/g?"],
)
async def test_a_partition_is_told_before_a_bad_option(path: str, wire: Wire) -> None:
    """In these routes it is looked for first."""
    answer = await wire.get(f"/v1/{path}index=x&partition=y")
    assert answer.body.startswith(b'Invalid query parameter: "partition"')


@pytest.mark.parametrize(
    "path",
    [
        "/v1/operator/raft/configuration",
        "/v1/operator/autopilot/configuration",
        "/v1/operator/autopilot/state",
        "/v1/status/leader",
    ],
)
async def test_what_belongs_to_no_namespace_takes_no_notice_of_one(path: str, wire: Wire) -> None:
    """Raft, autopilot and the leader are the servers' own."""
    assert (await wire.get(f"{path}?ns=x&partition=y")).status == 200


async def test_the_leader_is_asked_for_with_the_options_of_a_read(wire: Wire) -> None:
    """They mean nothing here, but they must be some."""
    answer = await wire.get("/v1/status/peers?wait=soon")
    assert (answer.status, answer.body) == (400, b"Invalid wait time")


async def test_usage_is_this_datacenters_whichever_is_asked_for(wire: Wire) -> None:
    """No datacenter is unknown to it."""
    assert "dc1" in json.loads((await wire.get("/v1/operator/usage?dc=nowhere")).body)["Usage"]


async def test_a_lock_delay_that_does_not_fit_is_none(wire: Wire) -> None:
    """Go makes the least number of it, taken as seconds like all below a thousand, and these overflow to zero."""
    made = await wire.get("/v1/session/create", method="PUT", body=b'{"LockDelay": 9223372036854775807}')
    found = await wire.get(f"/v1/session/info/{json.loads(made.body)['ID']}")
    assert json.loads(found.body)[0]["LockDelay"] == 0


async def test_a_session_on_a_check_without_a_name_fails_in_the_index(wire: Wire) -> None:
    """As Consul's look-up has it."""
    answer = await wire.get("/v1/session/create", method="PUT", body=b'{"Checks": [""]}')
    assert answer.body == b"apply failed: failed check lookup: index error: object is missing a value for this index"


async def test_a_transaction_takes_no_notice_of_namespaces(wire: Wire) -> None:
    """Its operations name their own."""
    body = json.dumps([{"KV": {"Verb": "get-or-empty", "Key": "k"}}]).encode()
    assert (await wire.get("/v1/txn?ns=x", method="PUT", body=body)).status == 200


@pytest.mark.parametrize(
    ("body", "checks"), [({}, ["serfHealth"]), ({"NodeChecks": None}, None), ({"Checks": None}, [])]
)
async def test_a_null_list_empties_the_default(body: dict[str, None], checks: list[str] | None, wire: Wire) -> None:
    """As Go's decoder has it: null makes a list nil, where a missing member leaves it as it was."""
    made = await wire.get("/v1/session/create", method="PUT", body=json.dumps(body).encode())
    found = await wire.get(f"/v1/session/info/{json.loads(made.body)['ID']}")
    assert json.loads(found.body)[0]["NodeChecks"] == checks


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/v1/session/create", {"Checks": "x"}, "string into Go struct field .Alias.Checks of type []types.CheckID"),
        ("/v1/session/create", {"Checks": [1]}, "number into Go struct field .Alias.Checks of type types.CheckID"),
        (
            "/v1/session/create",
            {"ServiceChecks": [{"ID": 1}]},
            "number into Go struct field ServiceCheck.Alias.ServiceChecks.ID of type string",
        ),
        (
            "/v1/session/create",
            {"CreateIndex": "x"},
            "string into Go struct field .Alias.RaftIndex.CreateIndex of type uint64",
        ),
        (
            "/v1/coordinate/update",
            {"Coord": 1},
            "number into Go struct field CoordinateUpdateRequest.Coord of type coordinate.Coordinate",
        ),
        ("/v1/catalog/deregister", {"CheckID": 5}, "number into Go struct field .Alias.CheckID of type types.CheckID"),
    ],
)
async def test_wrong_types_are_named_as_go_names_them(path: str, body: Any, text: str, wire: Wire) -> None:
    """With the alias in which Consul's own decoders embed the struct."""
    answer = await wire.get(path, method="PUT", body=json.dumps(body).encode())
    assert (answer.status, answer.body.decode()) == (400, f"Request decode failed: json: cannot unmarshal {text}")


async def test_the_way_to_the_ui_has_a_page_only_for_readers() -> None:
    """Other methods are shown the way without one."""
    async with running("ui_config { enabled = true }") as agent, connected(agent) as wire:
        shown, bare = await wire.get("/"), await wire.get("/", method="POST")
    assert (shown.status, bare.status, bare.headers["location"]) == (301, 301, "/ui/")
    assert b"Moved Permanently" in shown.body
    assert (bare.body, "content-type" in bare.headers) == (b"", False)


async def test_a_wrong_bound_of_staleness_is_quoted(wire: Wire) -> None:
    """As Go quotes text."""
    answer = await wire.get("/v1/catalog/nodes?max_stale=a%22%0a")
    assert (answer.status, answer.body) == (400, b'Invalid max_stale value "a\\"\\n"')


@pytest.mark.parametrize(
    ("forwarded", "found"),
    [
        ("10.0.0.1, 10.0.0.2", "10.0.0.1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("[::1]", "127.0.0.1"),
        ("fe80::1%eth0", "127.0.0.1"),
        ("", "127.0.0.1"),
    ],
)
def test_who_asks_is_the_first_forwarded_address_that_is_one(forwarded: str, found: str) -> None:
    """Else the peer; an address is written as Go writes it."""
    agent: Any = None
    req = Request(agent, "GET", "/", "/", "", {"x-forwarded-for": forwarded}, b"", "127.0.0.1:1")
    assert req.source_ip == found


@pytest.mark.parametrize(
    ("age", "status"), [("5", 200), ("+5", 200), ("-5", 200), (" 5", 400), ("1_0", 400), ("9" * 20, 400), ("", 400)]
)
async def test_an_age_is_a_number_of_go(age: str, status: int, wire: Wire) -> None:
    """Python would take more; below zero no answer is too old."""
    answer = await wire.get("/v1/catalog/nodes", f"Cache-Control: max-age={age}")
    assert answer.status == status


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("PUT", "/v1/kv/a?flags={}", 500, 'strconv.ParseUint: parsing "{}": value out of range'),
        ("PUT", "/v1/kv/a?cas={}", 500, 'strconv.ParseUint: parsing "{}": value out of range'),
        ("GET", "/v1/kv/a?index={}", 400, "Invalid index"),
        ("GET", "/v1/operator/keyring?relay-factor={}", 400, "relay factor: strconv.Atoi: parsing"),
        ("PUT", "/v1/operator/autopilot/configuration?cas={}", 400, "cas value: strconv.ParseUint: parsing"),
    ],
)
async def test_a_number_of_any_length_is_out_of_range(
    method: str, path: str, status: int, text: str, wire: Wire
) -> None:
    """Python refuses to read thousands of digits; that is no error of ours."""
    digits = "9" * 10_000
    answer = await wire.get(path.format(digits), method=method, body=b"{}" if method == "PUT" else b"")
    assert answer.status == status
    assert text.format(digits) in answer.body.decode()


async def test_a_long_number_in_a_body_fits_no_field(wire: Wire) -> None:
    """It is refused like any that is too large."""
    body = b'[{"KV": {"Verb": "set", "Key": "a", "Flags": %b}}]' % (b"9" * 10_000)
    answer = await wire.get("/v1/txn", method="PUT", body=body)
    assert answer.status == 400
    assert b"into Go struct field KVTxnOp.KV.Flags of type uint64" in answer.body


async def test_a_template_that_is_nested_too_deeply_is_refused(wire: Wire) -> None:
    """Not an internal error."""
    service = {"Service": "${" + "*".join(["1"] * 20_000) + "}"}
    query = {"Name": "q", "Template": {"Type": "name_prefix_match"}, "Service": service}
    answer = await wire.get("/v1/query", method="POST", body=json.dumps(query).encode())
    assert (answer.status, answer.body.endswith(b"nested deeper than 256 levels")) == (500, True)


@pytest.mark.parametrize("part", ["DebugConfig", "Stats", "Meta"])
async def test_maps_of_the_agents_own_answer_are_sorted(part: str, wire: Wire) -> None:
    """They are maps in Go, whatever order the configuration is read in; around them is a struct."""
    shown = json.loads((await wire.get("/v1/agent/self")).body)
    assert list(shown)[:2] == ["Config", "DebugConfig"]
    assert list(shown[part]) == sorted(shown[part])


async def test_service_metadata_is_shown_sorted_whoever_sent_it_in_what_order(wire: Wire) -> None:
    """Answers to equal data are equal bytes."""
    service = b'{"Name": "web", "Meta": {"version": "2", "env": "prod"}}'
    await wire.get("/v1/agent/service/register", method="PUT", body=service)
    assert b'"env": "prod",\n        "version": "2"' in (await wire.get("/v1/agent/service/web?pretty")).body


@pytest.mark.parametrize(
    ("path", "allow"),
    [("x", "GET,PUT,DELETE"), ("x/execute", "GET"), ("x/explain", "GET")],
)
@pytest.mark.parametrize("method", ["POST", "PATCH", "BREW"])
async def test_a_prepared_query_names_its_methods_by_itself(method: str, path: str, allow: str, wire: Wire) -> None:
    """Without OPTIONS, and also to a method that HTTP does not know."""
    answer = await wire.get(f"/v1/query/{path}", method=method)
    assert (answer.status, answer.headers["allow"]) == (405, allow)


async def test_a_cached_run_of_no_query_fails_otherwise_than_a_plain_one(wire: Wire) -> None:
    """The cache hands the error on as any other, and only a plain run knows it for a 404."""
    plain, cached = [await wire.get(f"/v1/query/none/execute{options}") for options in ("", "?cached")]
    assert (plain.status, plain.body) == (404, b"Query not found")
    assert (cached.status, cached.body) == (500, b"Query not found")


@pytest.mark.parametrize(
    ("method", "path", "shown"),
    [
        ("GET", "/v1/agent/metrics?format=prometheus", "a/b"),
        ("OPTIONS", "/v1/internal/ui/nodes", "a/b"),
        ("OPTIONS", "/v1/catalog/nodes", "application/json"),
        ("PUT", "/v1/agent/maintenance?enable=false", "application/json"),
    ],
)
async def test_an_answer_without_content_may_repeat_the_type_of_the_request(
    method: str, path: str, shown: str, wire: Wire
) -> None:
    """Reads, deletions and the UI's own routes do."""
    answer = await wire.get(path, "Content-Type: a/b", method=method)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", shown)


async def test_the_deletion_of_a_query_repeats_the_type_of_the_request(wire: Wire) -> None:
    """As clients that send forms see it."""
    made = await wire.get("/v1/query", method="POST", body=b'{"Name": "n", "Service": {"Service": "s"}}')
    form = "application/x-www-form-urlencoded"
    answer = await wire.get(f"/v1/query/{json.loads(made.body)['ID']}", f"Content-Type: {form}", method="DELETE")
    assert (answer.status, answer.headers["content-type"]) == (200, form)


PROXY = '{"DestinationServiceName": "s", "Config": {"a": [1e400]}}'


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        (
            "/v1/txn",
            f'[{{"Service": {{"Verb": "set", "Node": "n", "Service": {{"Service": "s", "Proxy": {PROXY}}}}}}}]',
            "struct field AgentServiceConnectProxyConfig.Service.Service.Proxy.Config of type float64",
        ),
        (
            "/v1/agent/service/register",
            f'{{"Name": "p", "Kind": "connect-proxy", "Port": 1, "Proxy": {PROXY}}}',
            "struct field .Alias.Proxy.Alias.Config of type float64",
        ),
        (
            "/v1/catalog/register",
            f'{{"Node": "n", "Address": "10.0.0.1", "Service": {{"Service": "p", "Proxy": {PROXY}}}}}',
            "struct field NodeService.Service.Proxy.Alias.Config of type float64",
        ),
        (
            "/v1/config",
            '{"Kind": "proxy-defaults", "Name": "global", "Config": {"a": 1e400}}',
            "value of type float64",
        ),
        ("/v1/session/create", '{"LockDelay": 1e400}', "struct field .LockDelay of type float64"),
        (
            "/v1/coordinate/update",
            '{"Node": "n", "Coord": {"Vec": [1e400]}}',
            "struct field Coordinate.Coord.Vec of type float64",
        ),
        (
            "/v1/operator/autopilot/configuration",
            '{"MaxTrailingLogs": 1e400}',
            "struct field AutopilotConfiguration.MaxTrailingLogs of type uint64",
        ),
    ],
)
async def test_a_number_beyond_any_float_is_refused_by_its_name(path: str, body: str, place: str, wire: Wire) -> None:
    """Wherever it stands, also in what is opaque to Consul."""
    answer = await wire.get(path, method="PUT", body=body.encode())
    assert (answer.status, answer.body.decode().partition("json: ")[2]) == (
        400,
        f"cannot unmarshal number 1e400 into Go {place}",
    )
