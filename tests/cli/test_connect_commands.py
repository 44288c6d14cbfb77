"""``consul connect``: the certificate authority's configuration, and ``expose``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import FakeAgent, Run

CA = "/v1/connect/ca/configuration"
GATEWAY = "/v1/config/ingress-gateway/gw"
EXACT = "/v1/connect/intentions/exact"
EXPOSE = ("connect", "expose", "-ingress-gateway=gw", "-service=web")


def _sent(agent: FakeAgent, path: str) -> Any:
    return [json.loads(one.body) for one in agent.asked if one.method == "PUT" and one.path == path][-1]


def test_the_authoritys_configuration_is_shown_with_tabs(agent: FakeAgent, run: Run) -> None:
    """In the client's order, with null for what is not there."""
    agent.on("GET", CA, {"CreateIndex": 3, "ModifyIndex": 4, "Config": {"b": "2", "a": "1"}, "Provider": "consul"})
    assert run("connect", "ca", "get-config").out == (
        '{\n\t"Provider": "consul",\n\t"Config": {\n\t\t"a": "1",\n\t\t"b": "2"\n\t},\n\t"State": null,\n'
        '\t"ForceWithoutCrossSigning": false,\n\t"CreateIndex": 3,\n\t"ModifyIndex": 4\n}\n'
    )


def test_the_authoritys_configuration_comes_from_a_file(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """Unknown fields are passed over; the flag counts, not the file."""
    file = tmp_path / "ca.json"
    file.write_text('{"provider": "consul", "Config": {"x": 1}, "Foo": 1, "ForceWithoutCrossSigning": true}')
    agent.on("PUT", CA, b"true")
    assert run("connect", "ca", "set-config", "-config-file", str(file)).out == "Configuration updated!\n"
    sent = {"Provider": "consul", "Config": {"x": 1}, "State": None, "CreateIndex": 0, "ModifyIndex": 0}
    assert _sent(agent, CA) == {**sent, "ForceWithoutCrossSigning": False}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "unexpected end of JSON input"),
        ("[]", "json: cannot unmarshal array into Go value of type api.CAConfig"),
        ('{"Provider": 5}', "json: cannot unmarshal number into Go struct field CAConfig.Provider of type string"),
        (
            '{"ForceWithoutCrossSigning": "x"}',
            "json: cannot unmarshal string into Go struct field CAConfig.ForceWithoutCrossSigning of type bool",
        ),
    ],
)
def test_a_bad_configuration_is_not_sent(run: Run, tmp_path: Path, text: str, reason: str) -> None:
    """The reason is Go's."""
    file = tmp_path / "ca.json"
    file.write_text(text)
    told = run("connect", "ca", "set-config", "-config-file", str(file)).err
    assert told == f"Error parsing config file: {reason}\n"


def test_the_authoritys_configuration_needs_a_file(run: Run) -> None:
    """Nothing else holds it."""
    assert run("connect", "ca", "set-config").err == "The -config-file flag is required\n"


def test_an_entry_that_others_write_meanwhile_is_not_written_over(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """It was read with the index that it then had."""
    agent.on("PUT", "/v1/config", b"false")
    told = run(*EXPOSE, "-port=80", "-protocol=http").err
    assert told == "Ingress config entry was changed while attempting to update, please try again.\n"
    file = tmp_path / "e.hcl"
    file.write_text('Kind = "service-defaults"\nName = "web"')
    told = run("config", "write", "-cas", "-modify-index=9", str(file)).err
    assert told == "Config entry not updated: service-defaults/web\n"


def test_exposing_a_service_makes_a_listener_and_an_intention(agent: FakeAgent, run: Run) -> None:
    """The config entry is guarded by its index, 0 for a new one."""
    agent.on("PUT", "/v1/config", b"true")
    agent.on("PUT", EXACT, b"true")
    out = run(*EXPOSE, "-port=80", "-protocol=http", "-host=a", "-host=b").out
    assert out == (
        'Successfully updated config entry for ingress service "gw"\nSuccessfully set up intention for "gw" -> "web"\n'
    )
    listener = {"Port": 80, "Protocol": "http", "Services": [{"Name": "web", "Hosts": ["a", "b"]}]}
    assert _sent(agent, "/v1/config") == {"Kind": "ingress-gateway", "Name": "gw", "Listeners": [listener]}
    intention = {"SourceName": "gw", "DestinationName": "web", "SourceType": "consul", "Action": "allow"}
    assert _sent(agent, EXACT) == intention


def test_a_service_that_is_exposed_already_is_replaced(agent: FakeAgent, run: Run) -> None:
    """An intention that allows it stays as it is."""
    listener = {"Port": 80, "Protocol": "tcp", "Services": [{"Name": "db"}, {"Name": "web", "Hosts": ["x"]}]}
    agent.on("GET", GATEWAY, {"Kind": "ingress-gateway", "Name": "gw", "Listeners": [listener], "ModifyIndex": 7})
    agent.on("PUT", "/v1/config", b"true")
    agent.on("GET", EXACT, {"Action": "allow"})
    assert run(*EXPOSE, "-port=80").out == (
        'Updating service definition for "web" on listener with port 80\n'
        'Successfully updated config entry for ingress service "gw"\n'
        'Intention already exists for "gw" -> "web"\n'
    )
    assert _sent(agent, "/v1/config")["Listeners"][0]["Services"] == [{"Name": "db"}, {"Name": "web"}]
    told = run(*EXPOSE, "-port=80", "-protocol=http").err
    assert told == 'Listener on port 80 already configured with conflicting protocol "tcp"\n'


def test_an_intention_that_cannot_be_read_ends_the_exposing(agent: FakeAgent, run: Run) -> None:
    """After the listener was made; the client words a status its own way there."""
    agent.on("PUT", "/v1/config", b"true")
    agent.on("GET", "/v1/connect/intentions/exact", (500, b"no leader"))
    told = run("connect", "expose", "-ingress-gateway=gw", "-service=web", "-port=80").err
    assert told == "Error looking up existing intention: Unexpected response 500: no leader\n"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("", "A service name must be given via the -service flag."),
        ("-service=a/b/c/d", "Invalid service name: input can contain at most two '/'"),
        ("-service=a", "An ingress gateway service must be given via the -ingress-gateway flag."),
        ("-service=a -ingress-gateway=b", "A port must be provided via the -port flag."),
    ],
)
def test_exposing_needs_three_flags(agent: FakeAgent, run: Run, words: str, error: str) -> None:
    """They are looked at in this order."""
    assert run("connect", "expose", *words.split()).err == f"{error}\n"
