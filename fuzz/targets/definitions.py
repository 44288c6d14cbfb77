"""Service and check definitions: bodies of the API that register, or are refused with a text."""

from __future__ import annotations

from pyconsul.structs import gojson
from pyconsul.structs.checks import InvalidCheck
from pyconsul.structs.definitions import DefinitionError, check_definition_from, service_definition_from
from pyconsul.structs.godecode import parse
from pyconsul.structs.service_rules import service_errors

SEEDS = [
    b'{"Name":"web","ID":"w1","Port":80,"Tags":["a",null],"Meta":{"a":"b"},"Weights":{"Passing":1},"Check":{"TTL":"15s"}}',
    b'{"name":"x","checks":[{"http":"http://x","interval":1e9,"header":{"a":["b"]},"tls_skip_verify":true},{"args":["a"]}]}',
    b'{"Name":"p","Kind":"connect-proxy","Proxy":{"destination_service_name":"web","Config":{"a":[1,{"b":null}]},'
    b'"Upstreams":[{"DestinationName":"db","LocalBindPort":1}],"Expose":{"Paths":[{"Path":"/","ListenerPort":1}]}}}',
    b'{"Name":"s","Connect":{"SidecarService":{"Checks":[{"TTL":5}],"Connect":{"SidecarService":{}}}},"Locality":{"Zone":"z"}}',
    b'{"ID":"c","Name":"c","AliasService":"x","ServiceID":"w1","SuccessBeforePassing":2,"DeregisterCriticalServiceAfter":"90m"}',
]
TOKENS = [
    b"null",
    b"true",
    b"-1",
    b"1e999",
    b'""',
    b"[]",
    b"{}",
    b'"10s"',
    b'"Name":',
    b'"Check":',
    b'"Proxy":',
    b",",
    b":",
    b'"TTL":',
    b'"interval":',
    b'"Connect":',
    b'"SidecarService":',
    b"\\ud800",
    b"99999999999999999999",
]


def run(data: bytes) -> None:
    """Read the body both ways, and do with it what a registration does."""
    try:
        body = parse(data)
    except ValueError:
        return
    try:
        check = check_definition_from(body)
        gojson.encode(check.health_check("node"))
        gojson.encode(check.type)
        check.type.validate()
    except (DefinitionError, InvalidCheck) as error:
        assert str(error)
    try:
        definition = service_definition_from(body)
        service = definition.node_service()
        service_errors(service)
        gojson.encode(service)
        definition.check_types()
    except (DefinitionError, InvalidCheck) as error:
        assert str(error)
