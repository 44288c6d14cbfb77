"""Loose input becomes entries: conversions, aliases, unknown keys, and what each kind refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.structs import gojson
from pyconsul.structs.config_entries.decode import EntryDecodeError, decode_entry
from pyconsul.structs.config_entries.entry import ConfigEntry
from pyconsul.structs.config_entries.hashing import entry_hash, prepared
from pyconsul.structs.config_entries.kinds import KINDS
from pyconsul.structs.config_entries.proxy_defaults import ProxyDefaults
from pyconsul.structs.errors import InternalError

# What a real Consul 1.21 says to PUT /v1/config, and how it shows what it takes; the hash is over every field.
ENTRIES = json.loads((Path(__file__).parent / "entries.json").read_text(encoding="utf-8"))
UNCOMPARED = ("Kind", "Status", "CreateIndex", "ModifyIndex")


def entry(kind: str, name: str = "web", **fields: Any) -> ConfigEntry:
    """An entry from JSON, ready to be written."""
    return prepared(decode_entry({"Kind": kind, "Name": name, **fields}))


def shown(found: ConfigEntry) -> dict[str, Any]:
    """An entry as the API shows it, without what the server adds."""
    value: dict[str, Any] = json.loads(gojson.encode(found))
    return {name: field for name, field in value.items() if name not in ("Hash", "CreateIndex", "ModifyIndex")}


def refusal(kind: str, name: str = "web", **fields: Any) -> str:
    """Why an entry is refused."""
    with pytest.raises(InternalError) as caught:
        entry(kind, name, **fields).check()
    return caught.value.text


def fault(raw: Any) -> str:
    """Why input is no entry."""
    with pytest.raises(EntryDecodeError) as caught:
        decode_entry(raw)
    return str(caught.value)


def test_texts_numbers_and_single_values_are_converted() -> None:
    """A number stands for a text, a text for a number, one value for a list and a list of one for a value."""
    found = entry("service-defaults", MaxInboundConnections="5", Protocol=["http"], Meta=[{"a": 5}])
    assert shown(found)["MaxInboundConnections"] == 5
    assert shown(found)["Protocol"] == "http"
    assert shown(found)["Meta"] == {"a": "5"}
    assert shown(entry("service-defaults", Meta={"a": 1e21}))["Meta"] == {"a": "1" + "0" * 21}
    assert shown(entry("service-defaults", Expose={"Paths": {"Path": "/a"}}))["Expose"] == {"Paths": [{"Path": "/a"}]}


def test_keys_match_in_any_case_and_under_their_aliases() -> None:
    """Aliases with underscores count."""
    found = decode_entry({"kind": "service-defaults", "NAME": "web", "mesh_gateway": {"mode": "local"}})
    assert shown(found)["MeshGateway"] == {"Mode": "local"}
    assert shown(found)["Name"] == "web"


def test_a_field_under_its_alias_and_its_name_is_given_twice() -> None:
    """Which is refused as Consul refuses it; but it compares with the name in lower case, and that one wins."""
    twice = {"Kind": "service-resolver", "Name": "x", "connect_timeout": "5s"}
    assert 'invalid config key "connecttimeout"' in fault({**twice, "ConnectTimeout": "7s"})
    assert shown(decode_entry({**twice, "connecttimeout": "7s"}))["ConnectTimeout"] == "7s"


def test_durations_are_texts_or_nanoseconds() -> None:
    """A resolver shows its timeouts as text, whatever they came as."""
    assert shown(entry("service-resolver", ConnectTimeout=5_000_000_000))["ConnectTimeout"] == "5s"
    assert shown(entry("service-resolver", RequestTimeout="1m"))["RequestTimeout"] == "1m0s"
    assert "-2562047h47m16.854775808s" in refusal("service-resolver", ConnectTimeout=1e30)  # as Go cuts it


def test_untyped_values_lose_lists_of_one_only_below_a_list_of_one() -> None:
    """HCL writes blocks as lists: Consul unwraps them where a value begins with one, and nowhere else."""
    config = {"a": [{"b": [{"c": 1}]}], "d": [1, 2], "f": {"g": [{"h": 1}]}}
    found = shown(entry("proxy-defaults", "global", Config=config))["Config"]
    assert found == {"a": {"b": {"c": 1}}, "d": [1, 2], "f": {"g": [{"h": 1}]}}
    deep = {"a": [{"b": {"c": [1]}, "d": [{"e": [2]}, {"f": [[3]]}], "g": [None]}]}
    found = shown(entry("proxy-defaults", "global", Config=deep))["Config"]
    assert found == {"a": {"b": {"c": 1}, "d": [{"e": 2}, {"f": [3]}], "g": None}}


def test_unknown_keys_are_named_with_their_place() -> None:
    """All of them come in one error; indexes at the top are taken, for entries are written back as they were read."""
    text = fault({"Kind": "service-defaults", "Name": "x", "Bogus": 1, "Expose": {"Paths": [{}, {"Q": 1}]}})
    assert text == '2 errors occurred:\n\t* invalid config key "Expose.Paths[1].Q"\n\t* invalid config key "Bogus"\n\n'
    assert "namespaces are a consul enterprise feature" in fault({"Kind": "mesh", "Namespace": "a"})
    extension = {"Name": "builtin/lua", "envoy_version": "1"}  # has no alias, unlike what stands around it
    text = fault({"Kind": "proxy-defaults", "envoy_extensions": [extension]})
    assert text == '1 error occurred:\n\t* invalid config key "EnvoyExtensions[0].envoy_version"\n\n'
    assert entry("service-defaults", CreateIndex=5, ModifyIndex=7).ModifyIndex == 0


UNCONVERTIBLE: list[tuple[dict[str, Any], str]] = [
    ({"MaxInboundConnections": "many"}, 'parsing "many": invalid syntax'),
    (
        {"Mode": {"a": 1}},
        "'Mode' expected type 'structs.ProxyMode', got unconvertible type",
    ),
    ({"Meta": [{"a": "b"}, 7]}, "'Meta[1]' expected a map, got 'float64'"),
    ({"Protocol": []}, "'Protocol' expected type 'string', got unconvertible type '[]interface {}', value: '[]'"),
    ({"Protocol": {}}, "'Protocol' expected type 'string', got unconvertible type 'map[string]interface {}'"),
    ({"Meta": "a"}, "'Meta' expected a map, got 'string'"),
    ({"Destination": {"Port": [{}]}}, "'Destination.Port' expected type 'int', got unconvertible type"),
]


@pytest.mark.parametrize(("fields", "text"), UNCONVERTIBLE)
def test_what_does_not_convert_is_told(fields: dict[str, Any], text: str) -> None:
    """Errors say where, and what was expected."""
    found = fault({"Kind": "service-defaults", "Name": "x", **fields})
    assert found.startswith("1 error(s) decoding:\n\n* ")
    assert text in found


def test_members_of_lists_are_told_with_their_type() -> None:
    """A list of texts of a type of their own says so for each of them."""
    text = fault({"Kind": "mesh", "TLS": {"Incoming": {"CipherSuites": [[]]}}})
    assert "'TLS.Incoming.CipherSuites[0]' expected type 'types.TLSCipherSuite', got unconvertible" in text


@pytest.mark.parametrize(("given", "kept"), [(7.0, 7), (-1.0, 0xFFFF_FFFF), (99_999_999_999.0, 1_215_752_191)])
def test_numbers_wrap_at_the_width_of_their_field(given: float, kept: int) -> None:
    """As Go's conversions do; so no number is too large to be stored."""
    limits = {"Defaults": {"PassiveHealthCheck": {"MaxFailures": given}}}
    found = shown(entry("service-defaults", UpstreamConfig=limits))
    assert found["UpstreamConfig"]["Defaults"]["PassiveHealthCheck"]["MaxFailures"] == kept


def test_a_null_in_a_list_is_an_empty_member() -> None:
    """What must not be empty is told by the rules of the kind."""
    assert shown(entry("service-defaults", Expose={"Paths": [None]}))["Expose"]["Paths"] == [{}]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (None, "Payload does not contain a kind/Kind key at the top level"),
        ({"Kind": 5}, "Kind value in payload is not a string"),
        ({"Kind": "SERVICE-DEFAULTS"}, "invalid config entry kind: SERVICE-DEFAULTS"),
        ([], "'' expected a map, got 'slice'"),
    ],
)
def test_input_without_a_known_kind_is_refused(raw: Any, text: str) -> None:
    """The kind decides on everything else."""
    assert fault(raw) == text


@pytest.mark.parametrize("case", ENTRIES["refused"], ids=lambda case: json.dumps(case["entry"])[:80])
def test_each_kind_refuses_what_consul_refuses(case: dict[str, Any]) -> None:
    """In its words, whether the input is no entry or the entry one that may not be stored."""
    with pytest.raises((EntryDecodeError, InternalError)) as caught:
        prepared(decode_entry(case["entry"])).check()
    assert str(caught.value) == case["error"]


@pytest.mark.parametrize("case", ENTRIES["accepted"], ids=lambda case: json.dumps(case["entry"])[:80])
def test_each_kind_takes_what_consul_takes(case: dict[str, Any]) -> None:
    """And shows it with the same values filled in, under the same hash."""
    found = prepared(decode_entry(case["entry"]))
    found.check()
    again = json.loads(gojson.encode(found))
    assert {name: value for name, value in again.items() if name not in UNCOMPARED} == case["shown"]


def test_certificates_in_files_are_not_looked_at() -> None:
    """The files are the gateway's: an entry that names none is taken as well, as by Consul."""
    made = prepared(decode_entry({"Kind": "file-system-certificate", "Name": "cert"}))
    assert (made.kind, made.name) == ("file-system-certificate", "cert")


def test_a_kind_without_a_name_has_a_fixed_one() -> None:
    """There is one mesh and one set of proxy defaults."""
    assert prepared(decode_entry({"Kind": "mesh"})).name == "mesh"
    assert prepared(decode_entry({"Kind": "proxy-defaults"})).name == "global"
    with pytest.raises(InternalError, match=r"only .global. is supported"):
        entry("proxy-defaults", "other")


@pytest.mark.parametrize(
    ("config", "protocol"),
    [
        ({"PROTOCOL": "grpc"}, "grpc"),
        ({"Protocol": "tcp", "protocol": "http"}, "http"),
        ({"protocol": 5, "Protocol": "tcp"}, "5"),
        ({"protocol": None, "Protocol": "tcp"}, ""),
    ],
)
def test_proxies_have_the_protocol_of_their_opaque_settings(config: dict[str, Any], protocol: str) -> None:
    """In any letter case; the key in lower case counts before the others."""
    found = entry("proxy-defaults", "global", Config=config)
    assert isinstance(found, ProxyDefaults)
    assert found.protocol == protocol


def test_intentions_are_ordered_by_precedence() -> None:
    """Sources with a name count before the wildcard."""
    sources = [{"Name": "*", "Action": "deny"}, {"Name": "api", "Action": "allow"}]
    found = shown(entry("service-intentions", Sources=sources))["Sources"]
    assert [(one["Name"], one["Precedence"]) for one in found] == [("api", 9), ("*", 8)]


def test_weights_are_rounded_to_hundredths_of_a_percent() -> None:
    """As 32-bit numbers round."""
    found = shown(entry("service-splitter", Splits=[{"Weight": 33.333}, {"Weight": 66.667, "Service": "b"}]))
    assert [split["Weight"] for split in found["Splits"]] == [33.33, 66.67]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_entry_reads_back_as_it_shows_itself(kind: str) -> None:
    """What the API shows of an empty entry, it takes again, and the hash stays."""
    found = KINDS[kind]()
    again = decode_entry(json.loads(gojson.encode(found)))
    assert again == found
    assert entry_hash(again) == entry_hash(found)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.sampled_from(sorted(KINDS)), st.data())
def test_any_json_is_taken_or_refused_with_a_text(kind: str, data: st.DataObject) -> None:
    """Whatever stands in the fields of an entry, nothing but Consul's errors comes out."""
    names = [name for name in KINDS[kind].__struct_fields__ if name not in ("Kind", "Hash")]
    raw = {name: data.draw(JSON) for name in data.draw(st.lists(st.sampled_from(names), max_size=4))}
    try:
        prepared(decode_entry({**raw, "Kind": kind})).check()
    except (EntryDecodeError, InternalError):
        return
