"""What extensions of Envoy take as arguments, and what they refuse, in the words of a real Consul 1.21."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.primitives.multierror import multi_error
from pyconsul.structs.config_entries.decode import decode_entry
from pyconsul.structs.config_entries.hashing import prepared
from pyconsul.structs.errors import InternalError

_CALL = {"Target": {"URI": "localhost:4317", "Timeout": "1s"}, "InitialMetadata": [{"Key": "k", "Value": "v"}, None]}
_REMOTE = {"HttpURI": {"Service": {"Name": "files"}, "URI": "https://files/x.wasm"}, "SHA256": "abc"}
_LISTENER = {"ResourceType": "listener", "TrafficDirection": "inbound"}
_OUTBOUND = {"ResourceType": "listener", "TrafficDirection": "outbound"}
_CLUSTER = {"ResourceType": "cluster", "TrafficDirection": "inbound"}
_ENDPOINTS = {"ResourceType": "cluster-load-assignment", "TrafficDirection": "inbound"}
_FIRST_OF_A_CLUSTER = (
    "available envoy.config.cluster.v3.Cluster fields:\ntransport_socket_matches\nname\nalt_stat_name\ntype\n"
    "cluster_type\neds_cluster_config\nconnect_timeout\nper_connection_buffer_limit_bytes\nlb_policy\nload_assignment\n"
    "First 10 fields for this message included, configure with `Debug = true` to print all."
)
_DECODING = "error decoding extension arguments: 1 error(s) decoding:\n\n* "


def refusal(name: str, arguments: Any) -> str:
    """What is said of the arguments of an extension, without the words around it; "" if they are taken."""
    extension = {"Name": f"builtin/{name}", "Arguments": arguments}
    entry = prepared(decode_entry({"Kind": "service-defaults", "Name": "web", "EnvoyExtensions": [extension]}))
    try:
        entry.check()
    except InternalError as error:
        start, end = f"1 error occurred:\n\t* invalid EnvoyExtensions[0][builtin/{name}]: ", "\n\n"
        assert error.text.startswith(start)
        assert error.text.endswith(end)
        return error.text[len(start) : -len(end)]
    return ""


def http_authz(**service: Any) -> dict[str, Any]:
    """Arguments of ``ext-authz`` with an HTTP service."""
    return {"Config": {"HttpService": {"Target": {"URI": "127.0.0.1:9191"}, **service}}}


def fetched(**remote: Any) -> dict[str, Any]:
    """Arguments of ``wasm`` with code from a service."""
    code = {"Remote": {**_REMOTE, **remote}}
    return {"Protocol": "http", "ListenerType": "inbound", "PluginConfig": {"VmConfig": {"Code": code}}}


def patch(**fields: Any) -> dict[str, Any]:
    """Arguments of ``property-override`` with one patch."""
    return {"Patches": [{"ResourceFilter": _LISTENER, "Op": "add", "Path": "/stat_prefix", "Value": "x", **fields}]}


TAKEN: list[tuple[str, dict[str, Any]]] = [
    ("lua", {"proxytype": "api-gateway", "LISTENER": "outbound", "Script": "x", "Unknown": 1}),
    ("aws/lambda", {"ARN": "arn:aws:lambda:us-west-2:111111111111:function:x", "PayloadPassthrough": True}),
    ("otel-access-logging", {"Config": {"GrpcService": _CALL, "BufferSizeBytes": 2.5, "Attributes": {"a": None}}}),
    ("ext-authz", {"ListenerType": "outbound", "Config": {"GrpcService": _CALL, "StatusOnError": 511}}),
    ("ext-authz", http_authz(AuthorizationRequest={"AllowedHeaders": [{"Exact": "a"}, None], "HeadersToAdd": []})),
    ("ext-authz", {"Config": {"GrpcService": {"Target": {"URI": "http://:80"}}}}),
    ("wasm", fetched(RetryPolicy={"NumRetries": 2, "RetryBackOff": {"BaseInterval": "1s", "MaxInterval": "1s"}})),
    (
        "wasm",
        {
            "Protocol": "tcp",
            "ListenerType": "outbound",
            "PluginConfig": {"VmConfig": {"Runtime": "wavm", "Code": {"Local": {"Filename": "/f"}}}},
        },
    ),
    ("property-override", patch()),
    ("property-override", patch(Op="remove", Value=None, Path="//metadata")),
    ("property-override", {"Patches": patch(ResourceFilter={**_OUTBOUND, "Services": {"Name": "db"}})["Patches"][0]}),
]  # fmt: skip

REFUSED: list[tuple[str, Any, str]] = [
    ("lua", None, multi_error(["missing Script value", 'unexpected Listener ""'])),
    ("lua", {"Listener": "in", "Script": "x", "ProxyType": "mesh-gateway"},
     multi_error(['unexpected ProxyType "mesh-gateway"', 'unexpected Listener "in"'])),
    ("lua", {"Listener": 5, "Script": True},
     "error decoding extension arguments: 2 error(s) decoding:\n\n"
     "* 'Listener' expected type 'string', got unconvertible type 'float64', value: '5'\n"
     "* 'Script' expected type 'string', got unconvertible type 'bool', value: 'true'"),
    ("aws/lambda", {}, multi_error(["ARN is required"])),
    ("aws/lambda", {"ARN": "x", "PayloadPassthrough": "true"},
     _DECODING + "'PayloadPassthrough' expected type 'bool', got unconvertible type 'string', value: 'true'"),
    ("otel-access-logging", {}, multi_error(["missing GrpcService"])),
    ("otel-access-logging", {"ProxyType": "x", "ListenerType": "y", "Config": {"GrpcService": {}}},
     multi_error(['unsupported ProxyType "x", only "connect-proxy" is supported',
                  'unexpected ListenerType "y", supported values are "inbound" or "outbound"',
                  "failed to validate Config.GrpcService: " + multi_error(["GrpcService.Target must be set"])])),
    ("otel-access-logging", {"ProxyType": 5, "Config": {"BufferSizeBytes": -1, "FilterStateObjectsToLog": "a",
                                                         "Attributes": [], "BufferFlushInterval": "1s"}},
     "5 error(s) decoding:\n\n"
     "* 'Config.Attributes' expected a map, got 'slice'\n"
     "* 'Config.BufferFlushInterval' expected type 'time.Duration', got unconvertible type 'string', value: '1s'\n"
     "* 'Config.FilterStateObjectsToLog': source data must be an array or slice, got string\n"
     "* 'ProxyType' expected type 'api.ServiceKind', got unconvertible type 'float64', value: '5'\n"
     "* cannot parse 'Config.BufferSizeBytes', -1.000000 overflows uint"),
    ("ext-authz", {"Config": {"GrpcService": {"Target": {"Timeout": "x"}}, "StatusOnError": 418}},
     multi_error(["failed to validate Config.GrpcService: " + multi_error(
                      ["exactly one of Target.Service or Target.URI must be set",
                       'failed to parse Target.Timeout "x" as a duration: time: invalid duration "x"']),
                  "failed to validate Config.StatusOnError:status code 418 is not supported by Envoy,"
                  " please refer to the Envoy documentation for supported status codes"])),
    ("ext-authz", {"Config": {"GrpcService": _CALL, "HttpService": {}}},
     multi_error(["exactly one of GrpcService or HttpService must be set",
                  "failed to validate Config.HttpService: " + multi_error(["HttpService.Target must be set"])])),
    ("ext-authz", {"Config": {"GrpcService": {"Target": {"URI": "10.0.0.1:80"}}}},
     multi_error(["failed to validate Config.GrpcService: " + multi_error(
         ['invalid host for Target.URI "10.0.0.1:80": expected "localhost", "127.0.0.1", or "::1"'])])),
    ("ext-authz", {"Config": {"GrpcService": {"Target": {"URI": "http://localhost"}}}},
     multi_error(["failed to validate Config.GrpcService: " + multi_error(
         ['invalid format for Target.URI "http://localhost": expected host:port'])])),
    ("ext-authz",
     http_authz(AuthorizationResponse={"AllowedClientHeaders": [{"Exact": "a"}, {"Exact": "a", "Suffix": "b"}]}),
     multi_error(["failed to validate Config.HttpService: " + multi_error(
         ["validation failed for AuthorizationResponse.AllowedClientHeaders: " + multi_error(
             ["validation failed for matcher at index 1:"
              " exactly one of Contains, Exact, Prefix, SafeRegex or Suffix must be set"])])])),
    ("wasm", {},
     multi_error(['unsupported Protocol "", expected "tcp" or "http"',
                  'unsupported ListenerType "", expected "inbound" or "outbound"',
                  "VmConfig.Code must provide exactly one of Local or Remote data source",
                  "both Service and URI are required for Remote data sources",
                  "SHA256 checksum is required for Remote data sources"])),
    ("wasm", fetched(HttpURI={"Service": {"Name": "s"}, "URI": "http://[::1", "Timeout": "soon"},
                     RetryPolicy={"NumRetries": -1, "RetryBackOff": {"BaseInterval": "0s", "MaxInterval": "-1s"}}),
     multi_error(["invalid HttpURI.URI: parse \"http://[::1\": missing ']' in host",
                  'failed to parse HttpURI.Timeout "soon" as a duration: time: invalid duration "soon"',
                  "RetryPolicy.NumRetries must be greater than or equal to 0",
                  'RetryBackOff.BaseInterval "0s" must be greater than zero and less than or equal to'
                  ' RetryBackOff.MaxInterval "-1s"',
                  'RetryBackOff.MaxInterval "-1s" must be greater than or equal to RetryBackOff.BaseInterval "0s"'])),
    ("wasm", {"Protocol": "tcp", "ListenerType": "inbound",
              "PluginConfig": {
         "VmConfig": {"Runtime": "jvm", "Code": {"Local": {"Filename": "/f"}, "Remote": _REMOTE}}}},
     multi_error(['unsupported runtime "jvm"',
                  "VmConfig.Code must provide exactly one of Local or Remote data source"])),
    ("wasm", {"PluginConfig": {"VmConfig": {"EnvironmentVariables": {"KeyValues": {"a": 5}}}}},
     _DECODING + "'PluginConfig.VmConfig.EnvironmentVariables.KeyValues[a]' expected type 'string',"
     " got unconvertible type 'float64', value: '5'"),
    ("property-override", {"Patches": []}, "at least one patch is required"),
    ("property-override", {**patch(ResourceFilter={}), "ProxyType": "mesh-gateway"},
     multi_error(["invalid Patches[0]: field ResourceFilter is required",
                  "invalid ProxyType '\"mesh-gateway\"'; supported values: connect-proxy"])),
    ("property-override", patch(ResourceFilter={"ResourceType": "listener"}),
     multi_error(["invalid Patches[0]: field TrafficDirection is required"])),
    ("property-override", patch(ResourceFilter={**_LISTENER, "Services": [{"Name": "db"}]}),
     multi_error(['invalid Patches[0]: patch contains non-empty ResourceFilter.Services'
                  ' but ResourceFilter.TrafficDirection is not "outbound"'])),
    ("property-override", patch(ResourceFilter={**_OUTBOUND, "Services": [{"Namespace": "x"}]}),
     multi_error(["invalid Patches[0]: service name is required"])),
    ("property-override", patch(Op=""), multi_error(["invalid Patches[0]: field Op is required"])),
    ("property-override", patch(Op="remove"),
     multi_error(["invalid Patches[0]: field Value is not supported for remove operation"])),
    ("property-override", patch(Value=None),
     multi_error(["invalid Patches[0]: non-nil Value is required; use an empty map to reset all fields on a message"
                  " or the 'remove' op to unset fields"])),
    ("property-override", patch(ResourceFilter=_CLUSTER, Path="/"),
     multi_error([f"invalid Patches[0]: non-empty, non-root Path is required;\n{_FIRST_OF_A_CLUSTER}"])),
    ("property-override", patch(ResourceFilter=_CLUSTER, Path="/nope/a"),
     multi_error([f"invalid Patches[0]: no match for field 'nope'!\n{_FIRST_OF_A_CLUSTER}"])),
    ("property-override", {**patch(ResourceFilter=_ENDPOINTS, Path="/x"), "Debug": True},
     multi_error(["invalid Patches[0]: no match for field 'x'!\n"
                  "available envoy.config.endpoint.v3.ClusterLoadAssignment fields:"
                  "\ncluster_name\nendpoints\nnamed_endpoints\npolicy\n"])),
    ("property-override", {"Patches": [{"ResourceFilter": {"ResourceType": {}}}]},
     _DECODING + "'Patches[0].ResourceFilter.ResourceType' expected type 'propertyoverride.ResourceType',"
     " got unconvertible type 'map[string]interface {}', value: 'map[]'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments"), TAKEN)
def test_arguments_that_an_extension_can_use_are_taken(name: str, arguments: dict[str, Any]) -> None:
    """Names in any letter case, null for nothing, what may be left out left out: nothing is refused."""
    assert refusal(name, arguments) == ""


@pytest.mark.parametrize(("name", "arguments", "words"), REFUSED)
def test_arguments_that_an_extension_cannot_use_are_refused(name: str, arguments: Any, words: str) -> None:
    """Values of a wrong type, missing and contradicting ones are told in Consul's words, all at once."""
    assert refusal(name, arguments) == words
