"""Service and check definitions are read as Consul reads them, from the API and from configuration."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.structs.catalog import NodeService, Weights
from pyconsul.structs.checks import CheckType, InvalidCheck
from pyconsul.structs.definitions import DefinitionError, check_definition_from, service_definition_from
from pyconsul.structs.service_rules import service_errors, service_metadata_error, weights_error

SECOND = 1_000_000_000


@pytest.mark.parametrize("key", ["EnableTagOverride", "enabletagoverride", "enable_tag_override", "ENABLETAGOVERRIDE"])
def test_keys_match_in_any_case_and_as_snake_case(key: str) -> None:
    """The API takes the spellings that Consul's decoder takes."""
    assert service_definition_from({"Name": "x", key: True}).EnableTagOverride


@pytest.mark.parametrize(
    ("value", "ns"),
    [
        ("15s", 15 * SECOND),
        (15, 15),
        (1.5e9, 1_500_000_000),
        (None, 0),
        (True, 0),
        ([], 0),
        ("-3s", -3 * SECOND),
        (1e20, -(1 << 63)),
    ],
)
def test_durations_are_text_or_nanoseconds(value: Any, ns: int) -> None:
    """Values of other types count as nothing, as Consul has it."""
    assert ns == check_definition_from({"Name": "x", "TTL": value}).type.TTL


def test_the_plain_spelling_wins_over_its_twin() -> None:
    """A snake_case twin only fills what is missing."""
    found = check_definition_from({"ScriptArgs": ["a"], "args": ["b"], "TLSServerName": "", "tls_server_name": "n"})
    assert (found.type.ScriptArgs, found.type.TLSServerName) == (["a"], "n")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"Name": "x", "Nope": 1}, 'json: unknown field "Nope"'),
        ({"Name": "x", "Check": {"Token": "t"}}, 'json: unknown field "Token"'),
        ({"Name": "x", "Port": "1"}, "json: cannot unmarshal string into Go struct field .Alias.Port of type int"),
        ({"Name": "x", "Port": 1.5}, "json: cannot unmarshal number 1.5 into Go struct field .Alias.Port of type int"),
        (
            [],
            "json: cannot unmarshal array into Go value of type struct { "
            r'EnableTagOverrideSnake bool "json:\"enable_tag_override\""; '
            r'TaggedAddressesSnake map[string]structs.ServiceAddress "json:\"tagged_addresses\""; *structs.Alias }',
        ),
        ({"Kind": 1}, "json: cannot unmarshal number into Go struct field .Alias.Kind of type structs.ServiceKind"),
        (
            {"enable_tag_override": 1},
            "json: cannot unmarshal number into Go struct field .enable_tag_override of type bool",
        ),
        (
            {"Connect": {"sidecar_service": {"Weights": {"Passing": "1"}}}},
            "json: cannot unmarshal string into Go struct field "
            ".Alias.Connect.sidecar_service.Alias.Weights.Passing of type int",
        ),
        ({"Name": "x", "Check": {"TTL": "abc"}}, 'time: invalid duration "abc"'),
        ({"Name": "x", "Namespace": "n"}, 'json: unknown field "Namespace"'),
        (
            {"Name": "x", "Weights": {"Passing": "1"}},
            "json: cannot unmarshal string into Go struct field Weights.Alias.Weights.Passing of type int",
        ),
        (
            {"Name": "x", "Check": {"Header": {"a": "b"}}},
            "json: cannot unmarshal string into Go struct field .Alias.Check.Alias.Header of type []string",
        ),
        ({"Nope": 1, "Check": {"Token": "t"}}, 'json: unknown field "Token"'),
        ({"Nope": 1, "Port": "1"}, 'json: unknown field "Nope"'),
        ({"Port": "1", "Check": {"TTL": "abc"}}, 'time: invalid duration "abc"'),
        ({"Check": {"TTL": "abc", "Token": "t"}}, 'json: unknown field "Token"'),
        ({"Name": "x", "Checks": [None]}, "json: null in the list Checks"),
        (
            {"Name": "x", "Meta": {"a": 1}},
            "json: cannot unmarshal number into Go struct field .Alias.Meta of type string",
        ),
        (
            {"Name": "x", "Proxy": {"TransparentProxy": {"outbound_listener_port": 1}}},
            'json: unknown field "outbound_listener_port"',
        ),
    ],
)
def test_bodies_that_do_not_fit_are_refused_in_go_words(body: Any, text: str) -> None:
    """Unknown keys and wrong types are named."""
    with pytest.raises(DefinitionError) as caught:
        service_definition_from(body)
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"Nope": 1, "Name": 1}, 'json: unknown field "Nope"'),
        ({"Tags": 1, "Nope": 1}, "json: cannot unmarshal number into Go struct field .Alias.Tags of type []string"),
        (
            {"Name": 1, "Weights": {"Nope": 1}},
            "json: cannot unmarshal number into Go struct field .Alias.Name of type string",
        ),
        ({"Name": 1, "Checks": [{}, {"Nope": 1}]}, 'json: unknown field "Nope"'),
        ({"Nope": 1, "Check": {"Interval": "a"}}, 'time: invalid duration "a"'),
        ({"Check": {"Interval": "a", "Nope": 1}}, 'json: unknown field "Nope"'),
        ({"Check": {"TTL": "a", "Timeout": "b", "Interval": "c"}}, 'time: invalid duration "c"'),
        ({"Checks": [{"TTL": "a"}, {"Interval": "b"}]}, 'time: invalid duration "a"'),
    ],
)
def test_of_several_faults_the_one_is_named_that_go_names(body: Any, text: str) -> None:
    """The first, but for structs with a decoder of their own: theirs come before all, and there durations come last."""
    with pytest.raises(DefinitionError) as caught:
        service_definition_from(body)
    assert str(caught.value) == text


def test_unknown_keys_beside_a_sidecar_are_ignored() -> None:
    """Consul reads the Connect block itself leniently, its sidecar strictly."""
    assert service_definition_from({"Connect": {"Whatever": 1, "sidecar_service": {}}}).Sidecar is not None
    with pytest.raises(DefinitionError):
        service_definition_from({"Connect": {"SidecarService": {"Whatever": 1}}})


def test_null_stands_for_nothing() -> None:
    """Nulls leave fields as they are, whatever their type."""
    body = {"Name": "x", "Tags": None, "Port": None, "Check": None, "Proxy": None, "Weights": None, "Meta": None}
    assert service_definition_from(body).node_service() == service_definition_from({"Name": "x"}).node_service()


def test_h2ping_means_tls_unless_told_otherwise() -> None:
    """The flag's default depends on the check."""
    assert check_definition_from({"H2PING": "a:1"}).type.H2PingUseTLS
    assert not check_definition_from({"H2PING": "a:1", "h2ping_use_tls": False}).type.H2PingUseTLS
    assert not check_definition_from({"HTTP": "a:1"}).type.H2PingUseTLS


def test_configuration_fills_other_defaults() -> None:
    """Weights, output limit and warning threshold have values in configuration that the API leaves open."""
    found = service_definition_from(
        {"name": "w", "weights": {"passing": 5}, "check": {"id": "c", "ttl": "5s", "failures_before_critical": 3}},
        "config",
    )
    assert found.WeightsSet == Weights(Passing=5, Warning=1)
    check = found.check_types()[0]
    assert (check.CheckID, check.OutputMaxSize, check.FailuresBeforeWarning) == ("c", 4096, 3)


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ({"name": "x", "nope": 1}, "invalid config key service.nope"),
        ({"name": "x", "check": {"interval": "1x"}}, "unknown unit"),
        ({"name": "x", "port": {}}, "service.port: expected type 'int', got unconvertible type 'map'"),
        ({"name": "x", "socket_path": "/s", "port": 1}, "service x cannot have both socket path /s and address/port"),
        ({"name": "x", "meta": {"consul-x": "y"}}, "invalid meta for service x: Couldn't load metadata pair"),
        ({"name": "x", "weights": {"passing": 0}}, "Invalid weight definition for service x: Passing must be"),
        ({"name": "x", "proxy": {"mode": "odd"}}, 'Invalid Proxy Mode: "odd"'),
        ({"name": "x", "connect": {"sidecar_service": {"id": "i"}}}, "sidecar_service can't specify an ID"),
    ],
)
def test_configuration_blocks_are_refused_in_consuls_words(block: dict[str, Any], text: str) -> None:
    """The builder's rules hold for blocks."""
    with pytest.raises(DefinitionError) as caught:
        service_definition_from(block, "config")
    assert text in str(caught.value)


@pytest.mark.parametrize("block", [{"name": 5}, {"tags": "one"}, {"port": "80"}, {"enable_tag_override": "true"}])
def test_configuration_converts_nothing(block: dict[str, Any]) -> None:
    """A value of another type is refused, as Consul refuses it."""
    with pytest.raises(DefinitionError, match=rf"service\.{next(iter(block))}: expected type '.*', got unconvertible"):
        service_definition_from(block, "config")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"TTL": 1, "Interval": 1}, "Interval and TTL cannot both be specified"),
        ({"HTTP": "h"}, "Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks"),
        ({"TCP": "h", "Interval": 1, "AliasNode": "n"}, "Interval cannot be set for Alias checks"),
        ({"AliasNode": "n", "TTL": 1}, "TTL must be not be set for Alias checks"),
        ({}, "TTL must be > 0 for TTL checks"),
        ({"TTL": 1, "OutputMaxSize": -1}, "MaxOutputMaxSize must be positive"),
        ({"TTL": 1, "FailuresBeforeWarning": 1}, "FailuresBeforeWarning can't be higher than FailuresBeforeCritical"),
    ],
)
def test_contradicting_checks_are_refused(fields: dict[str, Any], text: str) -> None:
    """Each rule has its sentence."""
    with pytest.raises(InvalidCheck) as caught:
        CheckType(**fields).validate()
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"HTTP": "h", "Interval": 1}, "http"),
        ({"GRPC": "h", "Interval": 1}, "grpc"),
        ({"TTL": 1}, "ttl"),
        ({"UDP": "h", "Interval": 1}, "udp"),
        ({"AliasService": "s"}, "alias"),
        ({"ScriptArgs": ["a"], "DockerContainerID": "d", "Interval": 1}, "docker"),
        ({"ScriptArgs": ["a"], "Interval": 1}, "script"),
        ({"H2PING": "h", "Interval": 1}, "h2ping"),
        ({"OSService": "s", "Interval": 1}, "os_service"),
        ({}, ""),
    ],
)
def test_the_kind_of_a_check_follows_from_its_fields(fields: dict[str, Any], kind: str) -> None:
    """What the API shows as Type."""
    assert CheckType(**fields).kind() == kind


def test_a_proxy_needs_destination_and_port() -> None:
    """Errors come in Consul's order, all of them."""
    proxy = service_definition_from({"Name": "p", "Kind": "connect-proxy"}).node_service()
    assert service_errors(proxy) == [
        "Port or SocketPath must be set for a connect-proxy",
        "Proxy.DestinationServiceName must be non-empty for Connect proxy services",
    ]


def test_upstreams_must_not_share_a_bind_address() -> None:
    """Doubles by address and doubles by name are told apart."""
    upstreams = [
        {"DestinationName": "a", "LocalBindPort": 1},
        {"DestinationName": "b", "LocalBindPort": 1},
        {"DestinationName": "a", "LocalBindPort": 2},
        {"DestinationName": "*", "LocalBindPort": 3},
    ]
    proxy = {"DestinationServiceName": "d", "Upstreams": upstreams}
    body = {"Name": "p", "Kind": "connect-proxy", "Port": 1, "Proxy": proxy}
    found = service_errors(service_definition_from(body).node_service())
    assert '"127.0.0.1:1" is specified twice' in found[0]
    assert found[1].startswith('upstreams cannot contain duplicates of [type="service", name="a"')
    assert found[2] == "upstream destination name cannot be a wildcard"


def test_gateways_refuse_what_belongs_to_sidecars() -> None:
    """A gateway has a port and no destination."""
    body = {"Name": "g", "Kind": "mesh-gateway", "Proxy": {"DestinationServiceName": "d"}}
    assert service_errors(service_definition_from(body).node_service()) == [
        "Port must be non-zero for a mesh-gateway",
        "The Proxy.DestinationServiceName configuration is invalid for a mesh-gateway",
    ]


def test_metadata_limits_have_their_sentences() -> None:
    """Keys, values and their number are limited."""
    assert service_metadata_error("", {f"k{n}": "" for n in range(65)}).startswith("Node metadata cannot contain")
    assert "Value is too long (limit: 512 characters)" in service_metadata_error("", {"k": "\u00e9" * 257})
    assert service_metadata_error("mesh-gateway", {"consul-wan-federation": "1"}) == ""
    assert weights_error(Weights(Passing=1, Warning=70000)) == "DNS Weight must be between 0 and 65535"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
FIELDS = ["Name", "Tags", "Port", "Meta", "Check", "Checks", "Weights", "Connect", "Proxy", "TaggedAddresses", "Token"]
CHECK_FIELDS = ["HTTP", "TTL", "Interval", "Header", "args", "Status", "TCPUseTLS", "OutputMaxSize"]
bodies = st.dictionaries(
    st.sampled_from(FIELDS) | st.text(max_size=4),
    json_values | st.dictionaries(st.sampled_from([*FIELDS, *CHECK_FIELDS]), json_values, max_size=4),
    max_size=5,
)


@given(bodies | json_values)
def test_any_json_is_a_definition_or_a_definition_error(body: Any) -> None:
    """Nothing that JSON can say trips the reader up."""
    for read in (service_definition_from, check_definition_from):
        for source in ("http", "config"):
            try:
                read(body, source)
            except DefinitionError:
                continue


@given(bodies)
def test_definitions_that_are_read_can_be_registered_or_are_refused(body: dict[str, Any]) -> None:
    """Rules and conversions hold for whatever the reader lets pass."""
    try:
        definition = service_definition_from(body)
        checks = definition.check_types()
    except (DefinitionError, InvalidCheck):
        return
    service = definition.node_service()
    assert isinstance(service, NodeService)
    assert all(isinstance(text, str) for text in service_errors(service))
    assert all(check.kind() for check in checks)


def test_a_check_with_an_empty_script_is_an_empty_check() -> None:
    """So a service that has nothing else in its check has no check."""
    definition = service_definition_from({"Name": "web", "Check": {"ScriptArgs": []}})
    assert definition.check_types() == []
