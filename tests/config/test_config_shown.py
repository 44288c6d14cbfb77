"""The table of keys, the runtime configuration, the shown configuration and the reference page agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from pyconsul.config import load
from pyconsul.config.keys import KEYS, Key, Kind, flag_rows, keys_where
from pyconsul.config.runtime import RuntimeConfig
from pyconsul.config.sanitise import sanitised
from pyconsul.config.sections import Section

_NOT_IN_RUNTIME = ("check.", "service.", "audit.", "segments", "license_", "tls.defaults.", "acl.tokens.managed")
_ELSEWHERE = {
    "acl.msp_disable_bootstrap",
    "client_addr",
    "dns_config.prefer_namespace",
    "partition",
    "snapshot_agent",
    "ui_config.metrics_proxy.add_headers[].name",
    "ui_config.metrics_proxy.add_headers[].value",
}


def _runtime_names(kind: type[Section], prefix: str = "") -> set[str]:
    names: set[str] = set()
    for member, hint in get_type_hints(kind).items():
        if isinstance(hint, type) and issubclass(hint, Section):
            names |= _runtime_names(hint, f"{prefix}{member}.")
        else:
            names.add(prefix + member)
    return names


def test_every_key_reaches_the_runtime_configuration() -> None:
    """A key without a field would be accepted and forgotten."""
    names = _runtime_names(RuntimeConfig)
    missing = [
        key.name
        for key in KEYS
        if key.name not in names
        and not key.instead
        and key.name not in _ELSEWHERE
        and not key.name.startswith(_NOT_IN_RUNTIME)
        and not key.name.startswith("locality.")
    ]
    assert missing == []


def test_no_key_stands_twice_in_the_table() -> None:
    """Names and flags are unique."""
    names = [key.name for key in KEYS]
    assert len(names) == len(set(names))
    flags = [key.flag for key in flag_rows()]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("row", flag_rows(), ids=lambda row: row.flag)
def test_every_flag_can_be_given(row: Key, command_line: Callable[[list[str]], dict[str, Any]]) -> None:
    """Each row with a flag is on the command line of the agent."""
    texts = {Kind.BOOL: "true", Kind.INT: "5", Kind.DURATION: "5s"}
    assert row.flag in command_line([f"-{row.flag}={texts.get(row.kind, 'x')}"])


def test_typed_flags_reach_their_keys(command_line: Callable[[list[str]], dict[str, Any]]) -> None:
    """Booleans, numbers, durations, lists and maps arrive as files would set them."""
    argv = ["-dev", "-ui=false", "-http-port", "1234", "-max-query-time=7m", "-node-meta", "a:b:c", "-node-meta", "d"]
    runtime = load(command_line([*argv, "-server", "-allow-write-http-from", "10.1.2.3/8"]), {}).runtime
    assert (runtime.ui_config.enabled, runtime.ports.http, runtime.max_query_time) == (False, 1234, 420_000_000_000)
    assert runtime.node_meta == {"a": "b:c", "d": ""}
    assert runtime.http_config.allow_write_http_from == ("10.0.0.0/8",)


def test_secrets_are_never_shown() -> None:
    """Whatever looks like a secret is replaced before it leaves the agent."""
    text = """
        encrypt = "pUqJrVyVRj5jsiYEkM/tFQYfWyJIv4s3XkvDwy7Cu5s="
        acl { tokens { default = "SECRET" agent = "SECRET" initial_management = "SECRET" replication = "SECRET" } }
        retry_join = ["provider=aws secret_access_key=SECRET region=x"]
        service { name = "web" token = "SECRET" connect { sidecar_service { token = "SECRET" } } }
        check { name = "c" ttl = "5s" token = "SECRET" }
        connect { ca_provider = "vault" ca_config { token = "SECRET" root_pki_path = "r" intermediate_pki_path = "i" } }
        ui_config { metrics_proxy { base_url = "http://m" add_headers = [{ name = "Auth" value = "SECRET" }] } }
        http_config { response_headers { X-Api-Key = "SECRET" } }
        cloud { client_secret = "SECRET" }
        telemetry { circonus_api_token = "SECRET" }
        tls { defaults { key_file = "SECRET" } }
        auto_config { intro_token = "SECRET" }
        watches = [{ type = "key" key = "x" token = "SECRET" args = ["true"] }]
    """
    runtime = load({"dev": True, "hcl": [text]}, {}).runtime
    shown = json.dumps(sanitised(runtime))
    assert "SECRET" not in shown and "pUqJrVyVRj5" not in shown
    assert "provider=aws secret_access_key=hidden region=x" in shown


def test_the_shown_configuration_uses_consuls_names_and_forms() -> None:
    """Durations, addresses, unlimited rates and definitions look as a real agent shows them."""
    shown = sanitised(load({"dev": True, "node": "n1", "hcl": ['service { name = "web" port = 80 }']}, {}).runtime)
    assert shown["MaxQueryTime"] == "10m0s"
    assert shown["HTTPAddrs"] == ["tcp://127.0.0.1:8500"]
    assert shown["RPCRateLimit"] == 1.7976931348623157e308
    assert shown["Services"][0]["Name"] == "web" and shown["Services"][0]["Weights"] == {"Passing": 1, "Warning": 1}


def test_reloadable_keys_are_marked() -> None:
    """What a reload takes over is a property of the rows."""
    names = {key.name for key in keys_where(reload=True)}
    assert {"log_level", "services", "dns_config.node_ttl", "limits.http_max_conns_per_client"} <= names
    assert "datacenter" not in names and "session_ttl_min" not in names


def test_a_proxy_is_shown_with_all_its_members() -> None:
    """Those that are not set as Go's zeros; secrets in free maps are hidden."""
    text = """
        service {
          name = "p" kind = "connect-proxy" port = 1
          proxy {
            destination_service_name = "web"
            config { api_token = "SECRET" clientSecret = "SECRET" a = 1 }
            upstreams { destination_name = "q" local_bind_port = 5 }
          }
        }
    """
    shown = sanitised(load({"dev": True, "hcl": [text]}, {}).runtime)["Services"][0]["Proxy"]
    assert shown["Config"] == {"api_token": "hidden", "clientSecret": "hidden", "a": 1}
    assert (shown["AccessLogs"]["Enabled"], shown["EnvoyExtensions"], shown["LocalServiceAddress"]) == (False, [], "")
    upstream = shown["Upstreams"][0]
    assert (upstream["DestinationType"], upstream["MeshGateway"], upstream["Config"]) == ("service", {"Mode": ""}, {})


def test_further_addresses_of_certificates_are_shown_as_octets() -> None:
    """Sixteen of them each, as Go's addresses are shown; those of IPv4 are mapped into IPv6."""
    text = 'auto_encrypt { ip_san = ["10.1.2.3", "::1"] } auto_config { ip_sans = ["10.1.2.3"] }'
    shown = sanitised(load({"dev": True, "hcl": [text]}, {}).runtime)
    mapped = [*[0] * 10, 255, 255, 10, 1, 2, 3]
    assert shown["AutoEncryptIPSAN"] == [mapped, [*[0] * 15, 1]]
    assert shown["AutoConfig"]["IPSANs"] == [mapped]


def test_config_entries_of_the_configuration_are_shown_as_they_will_be_written() -> None:
    """With defaults and hash; secrets in free maps are hidden."""
    text = """
        config_entries { bootstrap = [
          { kind = "proxy-defaults" name = "global" config { protocol = "http" api_token = "SECRET" } },
          { kind = "service-defaults" name = "web" protocol = "grpc" }
        ] }
    """
    shown = sanitised(load({"dev": True, "hcl": [text]}, {}).runtime)["ConfigEntryBootstrap"]
    assert [(entry.kind, entry.Name) for entry in shown] == [("proxy-defaults", "global"), ("service-defaults", "web")]
    assert shown[0].Config == {"protocol": "http", "api_token": "hidden"}
    assert shown[1].Protocol == "grpc" and shown[1].Hash > 0


@pytest.mark.parametrize("form", ["hcl", "json"])
def test_numbers_of_config_entries_are_numbers_in_either_format(form: str, tmp_path: Path) -> None:
    """Also where a text, a truth or a list is due; one that is no whole number loses its fraction."""
    entry = {
        "Kind": "service-defaults",
        "Name": "web",
        "MaxInboundConnections": 5,
        "LocalConnectTimeoutMs": [6],
        "LocalRequestTimeoutMs": 7.5,
        "Meta": {"a": 8},
        "Expose": {"Checks": 1},
        "UpstreamConfig": {"Defaults": {"PassiveHealthCheck": {"Interval": 9, "MaxFailures": 10}}},
    }
    json_text = json.dumps({"config_entries": {"bootstrap": [entry]}})
    file = tmp_path / f"entries.{form}"
    file.write_text(json_text if form == "json" else json_text[1:-1].replace('":', '" ='))
    shown = sanitised(load({"dev": True, "config-file": [str(file)]}, {}).runtime)["ConfigEntryBootstrap"][0]
    assert (shown.MaxInboundConnections, shown.LocalConnectTimeoutMs, shown.LocalRequestTimeoutMs) == (5, 6, 7)
    assert (shown.Meta, shown.Expose.Checks) == ({"a": "8"}, True)
    check = shown.UpstreamConfig.Defaults.PassiveHealthCheck
    assert (check.Interval, check.MaxFailures) == (9, 10)


def test_the_place_of_a_service_is_shown_with_both_members() -> None:
    """A member that is not set is empty."""
    text = 'service { name = "web" locality { region = "north" } }'
    shown = sanitised(load({"dev": True, "hcl": [text]}, {}).runtime)["Services"][0]
    assert shown["Locality"] == {"Region": "north", "Zone": ""}
