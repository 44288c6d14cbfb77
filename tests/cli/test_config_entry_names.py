"""What ``consul config`` takes as an entry, and what its messages call it."""

import pytest

from pyconsul.cli.config_entries import client_has, entry_in, entry_name, shown, warning_about
from pyconsul.cli.console import Failed
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ({"Kind": "service-defaults", "Name": "web"}, "service-defaults/web"),
        ({"Kind": "service-defaults"}, "service-defaults/"),
        ({"Kind": "mesh", "Name": "other"}, "mesh/mesh"),
        ({"Kind": "proxy-defaults", "Name": "local"}, "proxy-defaults/global"),
    ],
)
def test_kinds_of_one_entry_have_one_name(entry: dict[str, str], name: str) -> None:
    """As Consul's client has it, even when the server is about to refuse the name."""
    assert entry_name(entry) == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"Kind": "mesh"}\n</Code>', "invalid character '<' after top-level value"),
        ('{"Kind": "mesh"} {"Kind": "mesh"}', "invalid character '{' after top-level value"),
        ('{"Kind": "mesh"', "unexpected end of JSON input"),
    ],
)
def test_a_json_file_is_one_entry_and_nothing_else(text: str, reason: str) -> None:
    """What stands behind an entry, as copying may leave it there, is refused and not overlooked."""
    with pytest.raises(Failed) as refused:
        entry_in(text.encode())
    assert str(refused.value) == f"Failed to decode config entry input: Failed to decode config entry input: {reason}"


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (
            'Kind = "exported-services"\nname = "finance"\nPartition = "finance"',
            {"Kind": "exported-services", "Name": "finance", "Partition": "finance"},
        ),
        (
            '{"kind": "control-plane-request-limit", "Name": "all", "ReadRate": 100}',
            {"Kind": "control-plane-request-limit", "Name": "all", "ReadRate": 100},
        ),
    ],
)
def test_what_only_another_edition_has_is_for_the_server_to_judge(text: str, sent: dict[str, object]) -> None:
    """Consul Enterprise takes such an entry; the words of a refusal are the server's."""
    assert entry_in(text.encode()) == sent


@pytest.mark.parametrize("text", ['{"Kind": ["mesh"]}', '{"Kind": {}}', 'kind { a = "mesh" }'])
def test_a_kind_is_a_text(text: str) -> None:
    """Lists and maps are none."""
    with pytest.raises(Failed, match=r"^Failed to decode config entry input: Kind value in payload is not a string$"):
        entry_in(text.encode())


def test_a_key_that_no_edition_has_is_refused_at_once() -> None:
    """Also beside one of Enterprise, which is not named then: nothing is sent."""
    with pytest.raises(Failed) as refused:
        entry_in(b'{"Kind": "mesh", "Partition": "p", "Bogus": 1}')
    reason = '1 error occurred:\n\t* invalid config key "Bogus"\n\n'
    assert str(refused.value) == f"Failed to decode config entry input: {reason}"


@pytest.mark.parametrize(
    ("entry", "key"),
    [
        ({"Kind": "service-defaults", "Name": "web", "MutualTLSMode": "permissive"}, "MutualTLSMode=permissive"),
        ({"Kind": "proxy-defaults", "Name": "global", "MutualTLSMode": "permissive"}, "MutualTLSMode=permissive"),
        ({"Kind": "mesh", "AllowEnablingPermissiveMutualTLS": True}, "AllowEnablingPermissiveMutualTLS=true"),
    ],
)
def test_a_setting_that_lets_plain_traffic_in_is_warned_of(entry: dict[str, object], key: str) -> None:
    """It is written all the same; the warning starts with the setting."""
    assert warning_about(entry).startswith(f"{key} ")


@pytest.mark.parametrize(
    "entry",
    [
        {"Kind": "service-defaults", "Name": "web", "MutualTLSMode": "strict"},
        {"Kind": "mesh", "AllowEnablingPermissiveMutualTLS": False},
        {"Kind": "service-router", "Name": "web"},
    ],
)
def test_other_settings_are_not_warned_of(entry: dict[str, object]) -> None:
    """Nothing is said then."""
    assert warning_about(entry) == ""


@pytest.mark.parametrize(
    ("text", "sent"),
    [
        (
            'Kind = "file-system-certificate"\nname = "c"\nprivate_key = "/k"',
            {"Kind": "file-system-certificate", "Name": "c", "PrivateKey": "/k", "CreateIndex": 0, "ModifyIndex": 0},
        ),
        (
            'Kind = "api-gateway" Listeners { TLS { tls_min_version = "TLSv1_2" cipher_suites = ["x"] } }',
            {"MinVersion": "TLSv1_2", "CipherSuites": ["x"], "Certificates": None},
        ),
        (
            'Kind = "service-resolver" name = "web" redirect { sameness_group = "g" }',
            {"SamenessGroup": "g"},
        ),
    ],
)
def test_the_client_has_aliases_of_its_own(text: str, sent: dict[str, object]) -> None:
    """Which the server does not take: keys of certificates and TLS of API gateways may be in snake_case here."""
    found = entry_in(text.encode())
    inside = found.get("Listeners", [{}])[0].get("TLS") or found.get("Redirect") or found
    assert inside == sent


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('Kind = "service-splitter" Splits = [5]', "* 'Splits[0]' expected a map, got 'int'"),
        ('{"Kind": "service-splitter", "Splits": [5]}', "* 'Splits[0]' expected a map, got 'float64'"),
        (
            'Kind = "proxy-defaults" Mode { a = 1 } Mode { a = 2 }',
            "* 'Mode' expected type 'api.ProxyMode', got unconvertible type '[]map[string]interface {}',"
            " value: '[map[a:1] map[a:2]]'",
        ),
        (
            'Kind = "api-gateway" Listeners { Protocol = {} }',
            "* 'Listeners[0].Protocol' expected type 'string', got unconvertible type 'map[string]interface {}',"
            " value: 'map[]'",
        ),
    ],
)
def test_values_of_a_wrong_type_are_told_in_the_clients_words(text: str, reason: str) -> None:
    """With the types of its own structs, and those that HCL and JSON give to values."""
    with pytest.raises(Failed) as refused:
        entry_in(text.encode())
    assert str(refused.value) == f"Failed to decode config entry input: 1 error(s) decoding:\n\n{reason}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"Kind": "mesh", "Hash": 5}', '1 error occurred:\n\t* invalid config key "Hash"\n\n'),
        (
            '{"Kind": "mesh", "bogus": 1, "hash": 5}',
            '2 errors occurred:\n\t* invalid config key "bogus"\n\t* invalid config key "hash"\n\n',
        ),
        ('{"Kind": "mesh", "Hash": 5, "Meta": 1}', "1 error(s) decoding:\n\n* 'Meta' expected a map, got 'float64'"),
        ('{"Kind": "bound-api-gateway", "Name": "a"}', "invalid config entry kind: bound-api-gateway"),
    ],
)
def test_what_only_servers_know_is_refused(text: str, reason: str) -> None:
    """The client's entries have no hash, so what a route of the API showed is not taken as it is."""
    with pytest.raises(Failed) as refused:
        entry_in(text.encode())
    assert str(refused.value) == f"Failed to decode config entry input: {reason}"


def test_an_entry_is_sent_as_the_client_sends_it() -> None:
    """Without what is empty there: the server then shows null for it, not an empty list or map."""
    sent = entry_in(b'{"Kind": "service-router", "Name": "web", "Routes": []}')
    assert sent == {"Kind": "service-router", "Name": "web", "CreateIndex": 0, "ModifyIndex": 0}
    assert "Config" not in entry_in(b'{"Kind": "proxy-defaults", "Config": {}}')
    assert "Partition" not in entry_in(b'{"Kind": "mesh", "Partition": ""}')
    assert entry_in(b'{"Kind": "mesh", "Partition": "p"}') == {"Kind": "mesh", "Partition": "p"}


def test_kinds_that_the_client_lacks_are_not_asked_for() -> None:
    """One is the server's own; another is Enterprise's, of which the client knows."""
    assert [client_has(kind) for kind in ("mesh", "control-plane-request-limit", "bound-api-gateway", "x")] == [
        *(True, True),
        *(False, False),
    ]


@pytest.mark.parametrize(
    ("entry", "order"),
    [
        (
            {"Kind": "http-route", "Name": "a", "Status": {}, "Meta": {"a": "b"}, "CreateIndex": 1, "ModifyIndex": 2},
            ["Kind", "Name", "Meta", "CreateIndex", "ModifyIndex", "Status"],
        ),
        (
            {"Kind": "tcp-route", "Name": "a", "Status": {}, "Meta": {"a": "b"}, "CreateIndex": 1, "ModifyIndex": 2},
            ["Kind", "Name", "Meta", "Status", "CreateIndex", "ModifyIndex"],
        ),
    ],
)
def test_fields_are_shown_in_the_clients_order(entry: dict[str, object], order: list[str]) -> None:
    """Which is not always the server's."""
    assert list(shown(entry)) == order


def test_fields_that_the_client_always_shows_stand_at_their_place() -> None:
    """In front of what the server leaves out just as rarely."""
    check = {"EnforcingConsecutive5xx": 1, "Interval": 5}
    limits = {"MaxConcurrentRequests": 7}
    entry = {
        "Kind": "service-defaults",
        "UpstreamConfig": {"Defaults": {"Limits": limits, "PassiveHealthCheck": check}},
    }
    found = shown(entry)["UpstreamConfig"]["Defaults"]
    assert list(found["Limits"]) == ["MaxConnections", "MaxPendingRequests", "MaxConcurrentRequests"]
    assert list(found["PassiveHealthCheck"]) == ["Interval", "MaxFailures", "EnforcingConsecutive5xx"]


def test_an_entry_that_is_missing_is_told_by_the_agent(live: Run) -> None:
    """Under the name that it was asked for: slashes that are too many are gone by then."""
    told = live("config", "read", "-kind=service-defaults", "-name=/x//y")
    reason = 'Unexpected response code: 404 (Config entry not found for "service-defaults" / "x/y")'
    assert (told.code, told.err) == (1, f"Error reading config entry service-defaults//x//y: {reason}\n")
