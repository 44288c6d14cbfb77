"""Catalog structs: lenient input made canonical, rules for proxies and gateways, both codecs, Go's JSON."""

import re
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.lang.bexpr import FilterError, compile_filter
from pyconsul.primitives.multierror import multi_error
from pyconsul.structs import godecode, gojson, gomsgpack
from pyconsul.structs.catalog import (
    CheckServiceNode,
    Locality,
    Node,
    NodeService,
    RegisterRequest,
    ServiceConnect,
    ServiceNode,
    Weights,
)
from pyconsul.structs.catalog_input import register_request_from
from pyconsul.structs.connect_proxy import ConnectProxyConfig, ExposeConfig, ExposePath, Upstream
from pyconsul.structs.errors import InternalError
from pyconsul.structs.health import HealthCheck, HealthCheckDefinition
from pyconsul.structs.service_rules import metadata_error, refuse_service, service_errors, weights_error
from pyconsul.structs.wire import UNSET

FULL = RegisterRequest(
    Datacenter="dc1",
    Node="n",
    Address="10.0.0.1",
    NodeMeta={"a": "b"},
    Service=NodeService(
        Kind="connect-proxy",
        ID="p",
        Service="p",
        Tags=["x"],
        Weights=Weights(Passing=1, Warning=1),
        Proxy=ConnectProxyConfig(
            DestinationServiceName="web",
            Config={"a": 1.5, "b": [None, "x"]},
            Upstreams=[Upstream(DestinationName="db", LocalBindPort=1)],
        ),
    ),
    Checks=[HealthCheck(Node="n", CheckID="c", Definition=HealthCheckDefinition(Interval="1m0s", TTL=5))],
)


def service_from(body: dict[str, Any]) -> Any:
    """The instance of a registration."""
    return register_request_from({"Service": body}).Service


def test_a_registration_survives_both_codecs() -> None:
    """JSON as the API has it and msgpack as the log has it give the same struct back."""
    assert msgspec.json.decode(gojson.encode(FULL), type=RegisterRequest) == FULL
    assert gomsgpack.decode(gomsgpack.encode(FULL), RegisterRequest) == FULL


def test_durations_are_numbers_in_msgpack_and_text_in_json() -> None:
    """But TTL, whose Go type has no text form, is a number in both."""
    definition = FULL.Checks[0].Definition if FULL.Checks else HealthCheckDefinition()
    plain = gomsgpack.to_plain(definition)
    assert (plain["Interval"], plain["TTL"]) == (60_000_000_000, 5)
    assert gojson.encode(definition) == b'{"Interval":"1m0s","TTL":5}'


def test_an_untouched_instance_prints_what_go_prints() -> None:
    """Fields that Go omits when empty are left out, the others stay, in Consul's order."""
    assert gojson.encode(NodeService(ID="a", Service="a")) == (
        b'{"ID":"a","Service":"a","Tags":null,"Address":"","Meta":null,"Weights":null,"EnableTagOverride":false,'
        b'"Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},"PeerName":"","CreateIndex":0,"ModifyIndex":0}'
    )


def test_aliases_count_where_the_name_itself_says_nothing() -> None:
    """A canonical member that is set wins over its snake_case twin."""
    service = service_from(
        {
            "service": "p",
            "Proxy": {
                "destination_service_name": "alias",
                "DestinationServiceName": "",
                "mesh_gateway": {"mode": "local"},
                "local_service_port": 1,
                "LocalServicePort": 2,
                "Expose": {"Paths": [{"listener_port": 3, "parsed_from_check": True}]},
            },
            "Connect": {"sidecar_service": {"port": 1}, "unknown": 1},
        }
    )
    proxy = service.Proxy
    assert (proxy.DestinationServiceName, proxy.LocalServicePort, proxy.MeshGateway.Mode) == ("alias", 2, "local")
    assert proxy.Expose.Paths == [ExposePath(ListenerPort=3, ParsedFromCheck=True)]
    assert service.Connect.SidecarService == {"Port": 1}


def test_go_zero_values_of_omitted_fields_become_unset() -> None:
    """So that ``"Kind": ""`` in a body does not show up in answers."""
    service = service_from(
        {"Service": "x", "Kind": "", "Port": 0, "TaggedAddresses": {}, "Proxy": {"TransparentProxy": {}, "Config": {}}}
    )
    assert service == NodeService(Service="x")
    assert service.Kind is UNSET


@pytest.mark.parametrize(
    ("value", "interval"),
    [
        ("90s", "1m30s"),
        (1_000_000_000, "1s"),
        (1e9, "1s"),
        (1e30, "-2562047h47m16.854775808s"),  # as Go's conversion leaves it
        (True, ""),
        (None, ""),
        ("0s", ""),
        ([], ""),
    ],
)
def test_durations_may_be_text_or_numbers(value: Any, interval: str) -> None:
    """Other kinds of values count as nothing, as in Go."""
    check = register_request_from({"Check": {"Name": "c", "Definition": {"interval": value, "TTL": value}}}).Check
    assert check is not None
    assert (check.Definition.Interval or "") == interval


@pytest.mark.parametrize(("locality", "kept"), [({}, Locality()), ({"Region": ""}, Locality()), (None, UNSET)])
def test_an_empty_locality_is_one(locality: Any, kept: object) -> None:
    """Go has a pointer there: only null means none."""
    service = register_request_from({"Service": {"Locality": locality}}).Service
    assert service is not None
    assert service.Locality == kept


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (
            {"Service": {"Port": "80"}},
            "json: cannot unmarshal string into Go struct field NodeService.Service.Port of type int",
        ),
        (
            {"Service": {"Proxy": {"Upstreams": [{"MeshGateway": {"Mode": 1}}]}}},
            "json: cannot unmarshal number into Go struct field "
            "NodeService.Service.Proxy.Alias.Upstreams.Alias.MeshGateway.Mode of type structs.MeshGatewayMode",
        ),
        (
            {"Check": {"Definition": 1}},
            "json: cannot unmarshal number into Go struct field HealthCheck.Check.Definition of type struct { Interval "
            "interface {}; Timeout interface {}; DeregisterCriticalServiceAfter interface {}; TTL interface {}; ",
        ),
        (
            {"CreateIndex": -1},
            "json: cannot unmarshal number -1 into Go struct field "
            "RegisterRequest.RaftIndex.CreateIndex of type uint64",
        ),
        ({"Service": {"Nope": 1}}, 'json: unknown field "Nope"'),
        ({"Service": {"Proxy": {"Nope": 1}}}, 'json: unknown field "Nope"'),
        ({"Check": {"Definition": {"Interval": "x"}}}, 'time: invalid duration "x"'),
        ([], "json: cannot unmarshal array into Go value"),
    ],
)
def test_what_does_not_fit_is_named(value: Any, text: str) -> None:
    """With the text of Go's decoder; unknown members of a definition alone are ignored."""
    with pytest.raises(ValueError, match=re.escape(text)):
        register_request_from(value)
    assert register_request_from({"Check": {"Definition": {"Nope": 1}}}).Check == HealthCheck()


@given(st.binary(max_size=200))
def test_any_bytes_give_a_registration_or_a_value_error(data: bytes) -> None:
    """Nothing else comes out of the normaliser."""
    with suppress(ValueError):
        register_request_from(godecode.parse(data))


def faults_of(**fields: Any) -> str:
    """What Consul says of an instance of this kind; empty when it may be registered."""
    try:
        refuse_service(NodeService(Service="x", **fields))
    except InternalError as error:
        return error.text
    return ""


def proxy(**fields: Any) -> dict[str, Any]:
    """The fields of a proxy that is otherwise in order."""
    return {"Kind": "connect-proxy", "Port": 1, "Proxy": ConnectProxyConfig(DestinationServiceName="web", **fields)}


@pytest.mark.parametrize(
    ("fields", "faults"),
    [
        (proxy(), []),
        (
            {"Kind": "connect-proxy"},
            [
                "Port or SocketPath must be set for a connect-proxy",
                "Proxy.DestinationServiceName must be non-empty for Connect proxy services",
            ],
        ),
        (
            {"Kind": "mesh-gateway"},
            ["Port must be non-zero for a mesh-gateway"],
        ),
        ({"Kind": "ingress-gateway"}, []),
        (
            {"Kind": "ingress-gateway", "Proxy": ConnectProxyConfig(LocalServicePort=1)},
            ["The Proxy.LocalServicePort configuration is invalid for a ingress-gateway"],
        ),
        (
            {"Connect": ServiceConnect(Native=True)},
            ["Port or SocketPath must be set for a Connect native service."],
        ),
        (
            proxy(Upstreams=[Upstream(DestinationName="a"), Upstream(LocalBindPort=1)]),
            [
                "upstream local bind port or local socket path must be defined and nonzero",
                "upstream destination name cannot be empty",
            ],
        ),
        (
            proxy(
                Upstreams=[
                    Upstream(DestinationName="a", LocalBindPort=1),
                    Upstream(DestinationName="a", LocalBindPort=2),
                    Upstream(DestinationName="b", LocalBindPort=1),
                ]
            ),
            [
                'upstreams cannot contain duplicates of [type="", name="a", partition="", namespace="", peer="", '
                'datacenter=""]',
                "upstreams cannot contain duplicates by local bind address and port or unix path; "
                '"127.0.0.1:1" is specified twice',
            ],
        ),
        (
            proxy(
                Upstreams=[
                    Upstream(DestinationName="a", DestinationType='x"'),
                    Upstream(DestinationName="a", LocalBindPort=1, Datacenter="dc2", DestinationPartition="default"),
                    Upstream(DestinationName="b", LocalBindPort=1, Datacenter="dc2"),
                    Upstream(DestinationName="c", LocalBindPort=2, DestinationPeer="p", DestinationPartition="default"),
                ],
                Config={"envoy_hcp_metrics_bind_socket_dir": "é" * 40},
            ),
            [
                "Proxy.Config: envoy_hcp_metrics_bind_socket_dir length 80 exceeds max 70",
                r'unknown upstream destination type: "x\""',
                "upstreams cannot target another datacenter in non default partition",
            ],
        ),
        (
            proxy(Expose=ExposeConfig(Paths=[ExposePath(ListenerPort=70000, Protocol="ftp")])),
            [
                "expose.paths: empty path exposed",
                "expose.paths: invalid listener port: 70000",
                "protocol 'ftp' not supported for path: , must be in: [http http2]",
            ],
        ),
    ],
)
def test_proxies_and_gateways_follow_consuls_rules(fields: dict[str, Any], faults: list[str]) -> None:
    """All broken rules together, in the form of Go's multierror."""
    assert faults_of(**fields) == (multi_error(faults) if faults else "")
    assert service_errors(NodeService(Service="x", **fields), for_agent=True) == [
        f for f in faults if "SocketPath must be set for a connect-proxy" not in f
    ]


@pytest.mark.parametrize(
    ("meta", "fault"),
    [
        ({"a_B-9": "x" * 512}, ""),
        ({"": "x"}, "Couldn't load metadata pair ('', 'x'): Key cannot be blank"),
        ({"a b": "x"}, "Couldn't load metadata pair ('a b', 'x'): Key contains invalid characters"),
        (
            {"consul-x": ""},
            "Couldn't load metadata pair ('consul-x', ''): Key prefix 'consul-' is reserved for internal use",
        ),
        ({str(n): "" for n in range(65)}, "Node metadata cannot contain more than 64 key/value pairs"),
    ],
)
def test_metadata_has_limits(meta: dict[str, str], fault: str) -> None:
    """The sentences are Consul's."""
    assert metadata_error(meta) == fault


def test_weights_have_limits() -> None:
    """Passing from 1, warning from 0, both to 65535."""
    assert weights_error(None) == weights_error(Weights(Passing=1, Warning=0)) == ""
    assert weights_error(Weights(Passing=0, Warning=0)) == "Passing must be greater than 0"
    assert weights_error(Weights(Passing=1, Warning=-1)) == "Warning must be greater or equal than 0"
    assert weights_error(Weights(Passing=65536, Warning=0)) == "DNS Weight must be between 0 and 65535"


@pytest.mark.parametrize(
    ("row", "expression"),
    [
        (Node, "CreateIndex == 1"),
        (NodeService, "Locality.Region == x"),
        (ServiceNode, "ServiceProxy.Config.a == 1"),
        (HealthCheck, "Definition.HTTP == x"),
        (CheckServiceNode, "Service.ModifyIndex == 1"),
    ],
)
def test_some_fields_are_hidden_from_filters(row: type, expression: str) -> None:
    """Those that Consul does not let filters see."""
    with pytest.raises(FilterError, match="is not valid"):
        compile_filter(expression, row)


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"HTTP": "x", "Interval": "1s"}, "http"),
        ({"HTTP": "x"}, ""),
        ({"TTL": 1}, "ttl"),
        ({"TCP": "x", "Interval": "1s"}, "tcp"),
        ({"ScriptArgs": ["a"]}, "script"),
        ({"ScriptArgs": ["a"], "DockerContainerID": "d", "Interval": "1s"}, "docker"),
        ({"AliasService": "a"}, "alias"),
        ({"GRPC": "x", "HTTP": "y", "Interval": "1s"}, "grpc"),
        ({"H2PING": "x", "Interval": "1s"}, "h2ping"),
        ({"OSService": "x", "Interval": "1s"}, "os_service"),
        ({"UDP": "x", "Interval": "-1s"}, ""),
    ],
)
def test_a_definition_tells_the_type_of_its_check(fields: dict[str, Any], kind: str) -> None:
    """As the catalog fills it in where a registration leaves it out."""
    assert HealthCheckDefinition(**fields).check_type() == kind
