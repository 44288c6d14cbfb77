"""Operations of transactions on the catalog, as clients write them."""

import json
from typing import Any

import pytest

from tests.http.conftest import Wire


async def put(wire: Wire, *operations: dict[str, Any]) -> tuple[int, Any]:
    """Status and body of one transaction: parsed, or its text where it was refused."""
    answer = await wire.get("/v1/txn", method="PUT", body=json.dumps(operations).encode())
    return answer.status, answer.body.decode() if answer.status == 400 else json.loads(answer.body)


def a_service(**fields: Any) -> dict[str, Any]:
    """Set the instance ``web`` of the agent's node."""
    return {"Service": {"Verb": "set", "Node": "here", "Service": {"ID": "web", "Service": "web", **fields}}}


def a_check(verb: str = "set", **fields: Any) -> dict[str, Any]:
    """One operation on the check ``alive`` of the agent's node."""
    return {"Check": {"Verb": verb, "Check": {"Node": "here", "CheckID": "alive", "Name": "alive", **fields}}}


@pytest.mark.parametrize(
    ("operation", "what"),
    [
        (a_service(Proxy=1), "number into Go struct field AgentService.Service.Service.Proxy of type api.AgentService"),
        (
            a_service(Proxy={"LocalServicePort": "x"}),
            "string into Go struct field AgentServiceConnectProxyConfig.Service.Service.Proxy.LocalServicePort of type",
        ),
        (
            a_service(Connect={"Native": 1}),
            "number into Go struct field AgentServiceConnect.Service.Service.Connect.Native of type bool",
        ),
        (a_service(TaggedAddresses=[]), "array into Go struct field AgentService.Service.Service.TaggedAddresses of"),
        (
            a_service(TaggedAddresses={"lan": {"port": "x"}}),
            "string into Go struct field ServiceAddress.Service.Service.TaggedAddresses.Port of type int",
        ),
        (a_service(CreateIndex=-1), "number -1 into Go struct field AgentService.Service.Service.CreateIndex of type"),
        (
            a_check(Definition=1),
            "number into Go struct field HealthCheck.Check.Check.Definition of type struct { IntervalDuration",
        ),
        (
            a_check(Definition={"HTTP": 1}),
            "number into Go struct field HealthCheck.Check.Check.Definition.Alias.HTTP of type string",
        ),
    ],
)
async def test_wrong_types_are_named_as_consuls_api_names_them(
    operation: dict[str, Any], what: str, wire: Wire
) -> None:
    """With the whole way to the field; never an internal error."""
    status, text = await put(wire, operation)
    assert status == 400
    assert text.startswith(f"Failed to parse body: json: cannot unmarshal {what}")


async def test_tagged_addresses_may_be_written_in_any_letter_case(wire: Wire) -> None:
    """As all other fields."""
    status, answer = await put(wire, a_service(TaggedAddresses={"lan": {"address": "10.0.0.1", "PORT": 80}}))
    assert status == 200
    assert answer["Results"][0]["Service"]["TaggedAddresses"] == {"lan": {"Address": "10.0.0.1", "Port": 80}}


@pytest.mark.parametrize(
    "field",
    [
        {"Proxy": {"Nope": 1}},
        {"Connect": {"Nope": 1}},
        {"Locality": {"Nope": 1}},
        {"TaggedAddresses": {"lan": {"Nope": 1}}},
    ],
)
async def test_unknown_fields_are_refused_at_every_depth(field: dict[str, Any], wire: Wire) -> None:
    """Also in what a transaction does not take over."""
    assert await put(wire, a_service(**field)) == (400, 'Failed to parse body: json: unknown field "Nope"')


@pytest.mark.parametrize(
    ("definition", "interval"),
    [
        ({"Interval": "5s"}, "5s"),
        ({"Interval": 1000}, "1\N{MICRO SIGN}s"),
        ({"Interval": "5s", "IntervalDuration": "7s"}, "7s"),
        ({"IntervalDuration": 1_000_000_000}, "1s"),
        ({"Interval": "5s", "IntervalDuration": True}, None),
    ],
)
async def test_an_interval_has_two_names_and_two_forms(
    definition: dict[str, Any], interval: str | None, wire: Wire
) -> None:
    """``IntervalDuration`` wins; both take duration text and nanoseconds."""
    _, done = await put(wire, a_check(Definition=definition))
    assert done["Results"][0]["Check"]["Definition"].get("Interval") == interval


@pytest.mark.parametrize(
    ("interval", "fault"),
    [("", 'time: invalid duration ""'), (True, 'strconv.ParseFloat: parsing "true": invalid syntax')],
)
async def test_an_interval_that_is_none_is_refused(interval: Any, fault: str, wire: Wire) -> None:
    """In the words of the parser that it met."""
    assert await put(wire, a_check(Definition={"Interval": interval})) == (400, f"Failed to parse body: {fault}")


async def test_of_several_faults_the_first_is_told(wire: Wire) -> None:
    """In the order of the body, whichever operation it is in; what a check's definition refuses comes before all."""
    kv, service = {"KV": {"Verb": "get", "Key": 1}}, a_service(Proxy={"Upstreams": [{"DestinationName": 1}]})
    field = "Failed to parse body: json: cannot unmarshal number into Go struct field"
    upstream = f"{field} Upstream.Service.Service.Proxy.Upstreams.DestinationName of type string"
    assert await put(wire, service, kv) == (400, upstream)
    assert await put(wire, kv, service) == (400, f"{field} KVTxnOp.KV.Key of type string")
    definition = a_check(Definition={"Interval": "soon"})
    assert await put(wire, kv, definition) == (400, 'Failed to parse body: time: invalid duration "soon"')


async def test_a_sidecar_is_read_as_deep_as_it_goes(wire: Wire) -> None:
    """Though a transaction takes nothing over from it."""
    sidecar = {"Checks": [{"Nope": 1}], "Weights": {"Passing": "x"}}
    assert await put(wire, a_service(Connect={"SidecarService": sidecar})) == (
        400,
        'Failed to parse body: json: unknown field "Nope"',
    )
    del sidecar["Checks"]
    assert await put(wire, a_service(Connect={"SidecarService": {"Connect": {"SidecarService": sidecar}}})) == (
        400,
        "Failed to parse body: json: cannot unmarshal string into Go struct field "
        "AgentWeights.Service.Service.Connect.SidecarService.Connect.SidecarService.Weights.Passing of type int",
    )


async def test_what_of_a_service_is_taken_over(wire: Wire) -> None:
    """Names, addresses and weights are; how the proxy is set up is not, nor the place or whether it is native."""
    taken = {
        "Kind": "connect-proxy",
        "Tags": ["a"],
        "Address": "192.0.2.3",
        "TaggedAddresses": {"lan": {"Address": "192.0.2.4", "Port": 9}},
        "Meta": {"k": "v"},
        "Port": 5,
        "Weights": {"Passing": 3, "Warning": 2},
        "EnableTagOverride": True,
    }
    where = {"DestinationServiceName": "d", "DestinationServiceID": "e", "LocalServiceAddress": "f"}
    led = {**where, "LocalServicePort": 7, "MeshGateway": {"Mode": "local"}}
    left = {
        "Proxy": {**led, "Config": {"a": 1}, "Mode": "direct", "Expose": {"Checks": True}},
        "Connect": {"Native": True},
    }
    _, done = await put(wire, a_service(**taken, **left, Locality={"Region": "r"}))
    stored = done["Results"][0]["Service"]
    assert stored["TaggedAddresses"].pop("consul-virtual")["Port"] == 5
    assert {name: stored[name] for name in taken} == taken
    assert stored["Proxy"] == {**led, "Mode": "", "Expose": {}}
    assert (stored["Connect"], "Locality" in stored) == ({}, False)


async def test_what_of_a_check_is_taken_over(wire: Wire) -> None:
    """All of it; tags come from its service."""
    await put(wire, a_service(Tags=["a"]))
    taken = {
        "Status": "passing",
        "Notes": "no",
        "Output": "out",
        "ServiceID": "web",
        "ServiceName": "web",
        "Type": "http",
    }
    definition = {
        "Interval": "5s",
        "Timeout": "1s",
        "DeregisterCriticalServiceAfter": "1h0m0s",
        "HTTP": "http://a",
        "TLSServerName": "s",
        "TLSSkipVerify": True,
        "Header": {"A": ["b"]},
        "Method": "GET",
        "Body": "b",
        "TCP": "t",
    }
    _, done = await put(wire, a_check(**taken, Definition=definition))
    stored = done["Results"][0]["Check"]
    assert {name: stored[name] for name in taken} == taken
    assert (stored["Definition"], stored["ServiceTags"]) == (definition, ["a"])


async def test_how_a_transparent_proxy_is_reached_is_taken_over(wire: Wire) -> None:
    """Beside where the proxy leads; upstreams, for one, are not."""
    proxy: dict[str, Any] = {
        "DestinationServiceName": "db",
        "TransparentProxy": {"OutboundListenerPort": 7},
        "Upstreams": [],
    }
    _, done = await put(wire, a_service(Kind="connect-proxy", Port=1, Proxy=proxy))
    stored = done["Results"][0]["Service"]["Proxy"]
    assert (stored["TransparentProxy"], "Upstreams" in stored) == ({"OutboundListenerPort": 7}, False)


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        ("set", "failed health check lookup"),
        ("get", "failed check lookup"),
        ("cas", "failed check lookup"),
        ("delete", "check lookup failed"),
        ("delete-cas", "check lookup failed: failed check lookup"),
    ],
)
async def test_a_check_without_an_id_fails_in_the_index(verb: str, what: str, wire: Wire) -> None:
    """Each verb looks it up in its own words."""
    status, done = await put(wire, a_check(verb, CheckID="", Name=""))
    assert status == 409
    assert done["Errors"][0]["What"] == f"{what}: index error: object is missing a value for this index"


async def test_check_and_set_of_a_check_that_is_refused_says_nothing(wire: Wire) -> None:
    """Consul forgets the refusal: no error, no result, and no check."""
    status, done = await put(wire, a_check("cas", ServiceID="absent"))
    assert (status, done) == (200, {"Results": [], "Errors": None})


@pytest.mark.parametrize(
    ("node_id", "fault"),
    [
        ("nope", "invalid UUID: encoding/hex: invalid byte: U+006E 'n'"),
        ("x", "UUID (without hyphens) must be even length"),
    ],
)
async def test_a_node_is_not_found_by_an_id_that_is_none(node_id: str, fault: str, wire: Wire) -> None:
    """The index refuses it."""
    _, done = await put(wire, {"Node": {"Verb": "get", "Node": {"ID": node_id}}})
    assert done["Errors"][0]["What"] == f"node lookup by ID failed: index error: {fault}"


@pytest.mark.parametrize("kind", ["Node", "Service", "Check"])
async def test_an_operation_of_any_kind_may_stand_alone(kind: str, wire: Wire) -> None:
    """It goes through the log like all writes, so the answer has no index of a read."""
    node = {"Node": {"Verb": "set", "Node": {"Node": "n", "Address": "192.0.2.1"}}}
    _, done = await put(wire, {"Node": node, "Service": a_service(), "Check": a_check()}[kind])
    assert done["Results"][0][kind]["ModifyIndex"] > 0
    assert "Index" not in done


async def test_a_nodes_partition_goes_no_further(wire: Wire) -> None:
    """The community edition has none to show."""
    _, done = await put(wire, {"Node": {"Verb": "set", "Node": {"Node": "n", "Address": "::1", "Partition": "p"}}})
    assert "Partition" not in done["Results"][0]["Node"]


@pytest.mark.parametrize("verb", ["set", "cas"])
async def test_an_empty_value_is_none(verb: str, wire: Wire) -> None:
    """As one that is written without a body: null for readers, with its key there."""
    await put(wire, {"KV": {"Verb": verb, "Key": "empty", "Value": ""}})
    assert json.loads((await wire.get("/v1/kv/empty")).body)[0]["Value"] is None
