"""Requests, options and meta, without any I/O."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.sdk import errors, event, health, kv, results, session, txn
from pyconsul.sdk.decode import json_of
from pyconsul.sdk.encode import Encoder
from pyconsul.sdk.request import (
    Answer,
    QueryMeta,
    QueryOptions,
    Request,
    encode_query,
    escape_path,
    json_body,
    milliseconds,
    params_of,
)
from pyconsul.sdk.settings import Settings


def an_answer(body: bytes = b"null", status: int = 200, **headers: str) -> Answer:
    """An answer; ``X_Consul_Index`` in ``headers`` becomes ``x-consul-index``."""
    return Answer(status, {name.replace("_", "-").lower(): value for name, value in headers.items()}, body)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("a/b", "/v1/kv/a/b"),
        ("a b?c#d%", "/v1/kv/a%20b%3Fc%23d%25"),
        ("$&+,:;=@-_.~", "/v1/kv/$&+,:;=@-_.~"),
        ("ü", "/v1/kv/%C3%BC"),
        ("(*)'!\"", "/v1/kv/%28%2A%29%27%21%22"),
        ("/lead", "/v1/kv/lead"),
        ("", "/v1/kv/"),
    ],
)
def test_keys_are_escaped_as_go_escapes_paths(key: str, path: str) -> None:
    """Slashes and Go's other path characters stay, everything else is percent-encoded."""
    assert kv.get_request(key).path == path


def test_bytes_that_are_no_utf8_survive_in_keys() -> None:
    """A key that was read as bytes beyond UTF-8 is asked for as the same bytes."""
    assert escape_path(b"\xff".decode("utf-8", "surrogateescape")) == "%FF"


def test_a_body_with_bytes_that_are_no_text_goes_out_as_go_sends_it() -> None:
    """A word of a command line may hold any bytes; JSON may not."""
    assert json_body({"a\udcff": ["\udcfe"]}) == '{"a\ufffd":["\ufffd"]}'.encode()


@pytest.mark.parametrize(
    ("request_", "body"),
    [
        (kv.put_request("a", "\udcff"), b"\xff"),
        (event.fire_request("a", "\udcff"), b"\xff"),
        (txn.apply_request([txn.kv_op("set", "a", "\udcff")]), b'[{"KV":{"Verb":"set","Key":"a","Value":"/w=="}}]'),
        (session.create_request(name="\udcff"), '{"Name":"\ufffd"}'.encode()),
    ],
)
def test_values_of_a_command_line_may_hold_any_bytes(request_: Request[Any], body: bytes) -> None:
    """Values go out as they are, texts in JSON as Go sends them."""
    assert request_.body == body


def test_a_user_may_hold_any_bytes() -> None:
    """They come from the environment."""
    wire = Encoder(Settings(auth="a\udcff:p")).encode(kv.get_request("a"), None)
    assert wire.headers == (("Authorization", "Basic Yf86cA=="),)


def test_a_query_is_sorted_and_escaped_as_go_does() -> None:
    """Names are sorted, values of one name keep their order, a space is a plus."""
    assert encode_query([("tag", "b c"), ("stale", ""), ("tag", "a&")]) == "stale=&tag=b+c&tag=a%26"


@given(st.lists(st.tuples(st.text(), st.text())))
def test_every_query_is_ascii_without_spaces(params: list[tuple[str, str]]) -> None:
    """No text in a parameter can break the request line."""
    text = encode_query([(a, b) for a, b in params if _is_encodable(a + b)])
    assert text.isascii()
    assert not set(text) & set(" \r\n#")


def _is_encodable(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0ms"), (0.0001, "1ms"), (1.5, "1500ms"), (600, "600000ms")])
def test_waits_are_milliseconds(seconds: float, text: str) -> None:
    """A positive wait never becomes 0ms, which would mean the server's default."""
    assert milliseconds(seconds) == text


def test_params_leave_out_what_is_not_set() -> None:
    """True is a bare name, empty values vanish, lists repeat the name."""
    params = params_of(("a", True), ("b", False), ("c", ""), ("d", 0), ("e", None), ("f", ["x", "y"]), ("g", 7))
    assert params == (("a", ""), ("f", "x"), ("f", "y"), ("g", "7"))


def test_options_send_nothing_by_default() -> None:
    """Default options add neither parameters nor headers."""
    assert QueryOptions().params() == []
    assert QueryOptions().headers() == []


def test_every_option_has_its_parameter() -> None:
    """All options at once give the names that Consul's own client uses."""
    options = QueryOptions(
        datacenter="dc2",
        namespace="n",
        partition="p",
        peer="x",
        sameness_group="sg",
        consistency="stale",
        max_stale=2,
        cached=True,
        index=7,
        wait=1.5,
        hash="h",
        near="_agent",
        filter='Node == "a"',
        node_meta={"k": "v"},
        relay_factor=2,
        local_only=True,
        connect=True,
        merge_central_config=True,
        global_=True,
    )
    assert dict(options.params()) == {
        "dc": "dc2",
        "ns": "n",
        "partition": "p",
        "peer": "x",
        "sameness-group": "sg",
        "stale": "",
        "max_stale": "2000ms",
        "cached": "",
        "index": "7",
        "wait": "1500ms",
        "hash": "h",
        "near": "_agent",
        "filter": 'Node == "a"',
        "node-meta": "k:v",
        "relay-factor": "2",
        "local-only": "true",
        "connect": "true",
        "merge-central-config": "",
        "global": "",
    }


def test_cache_directives_go_into_a_header() -> None:
    """``max_age`` and ``stale_if_error`` are whole seconds in Cache-Control."""
    options = QueryOptions(cached=True, max_age=5, stale_if_error=60, token="t")
    assert dict(options.headers()) == {"X-Consul-Token": "t", "Cache-Control": "max-age=5, stale-if-error=60"}


def test_a_consistent_read_is_never_a_cached_one() -> None:
    """Consul refuses the two together, so consistency wins."""
    options = QueryOptions(cached=True, max_age=5, consistency="consistent")
    assert dict(options.params()) == {"consistent": ""}
    assert options.headers() == []


def test_meta_is_read_from_the_headers() -> None:
    """Every header that says something about the answer is there under its name."""
    meta = QueryMeta.of(
        an_answer(
            X_Consul_Index="12",
            X_Consul_LastContact="34",
            X_Consul_KnownLeader="true",
            X_Cache="HIT",
            Age="5",
            X_Consul_ContentHash="abc",
            X_Consul_Default_ACL_Policy="deny",
            X_Consul_Query_Backend="streaming",
            X_Consul_Results_Filtered_By_ACLs="true",
        )
    )
    assert (meta.index, meta.last_contact_ms, meta.known_leader, meta.cache_hit, meta.age) == (12, 34, True, True, 5)
    assert (meta.content_hash, meta.default_acl_policy, meta.query_backend) == ("abc", "deny", "streaming")
    assert meta.results_filtered_by_acls


@given(st.dictionaries(st.sampled_from(["x-consul-index", "x-consul-lastcontact", "age", "x-cache"]), st.text()))
def test_meta_never_fails_on_strange_headers(headers: dict[str, str]) -> None:
    """A header that is no number counts as absent."""
    meta = QueryMeta.of(Answer(200, headers))
    assert meta.index >= 0
    assert meta.age >= 0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest),
        (401, errors.Unauthorized),
        (403, errors.PermissionDenied),
        (404, errors.NotFound),
        (409, errors.Conflict),
        (413, errors.UnexpectedStatus),
        (429, errors.TooManyRequests),
        (500, errors.ServerError),
        (503, errors.ServerError),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[errors.UnexpectedStatus]) -> None:
    """The text is the one of Consul's client, the body trimmed."""
    request = Request("GET", "/v1/x", json_of(list[str]))
    with pytest.raises(kind) as caught:
        request.read(an_answer(b" why \n", status))
    assert str(caught.value) == f"Unexpected response code: {status} (why)"
    assert (caught.value.status, caught.value.body) == (status, "why")


def test_an_unreadable_body_is_an_error_of_ours() -> None:
    """A proxy's HTML page does not surface as a decoder's exception."""
    with pytest.raises(errors.UnreadableAnswer):
        Request("GET", "/v1/x", json_of(list[str])).read(an_answer(b"<html>"))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html>", "invalid character '<' looking for beginning of value"),
        (b"", "EOF"),
        (b'["a', "unexpected EOF"),
        (b'["a" "b"]', "invalid character '\"' after array element"),
    ],
)
def test_what_is_no_json_is_told_in_gos_words(body: bytes, text: str) -> None:
    """People know that sentence from Consul's client."""
    with pytest.raises(errors.UnreadableAnswer) as caught:
        json_of(list[str])(an_answer(body))
    assert str(caught.value) == text


def test_what_follows_a_whole_value_is_not_looked_at() -> None:
    """Go's client reads one value out of the body."""
    assert json_of(list[str])(an_answer(b'["a"] and more')) == ["a"]


@pytest.mark.parametrize("kind", [list[str], object, list[object]])
def test_endless_nesting_is_an_error_of_ours(kind: type) -> None:
    """It neither crashes nor surfaces as a RecursionError."""
    with pytest.raises(errors.UnreadableAnswer):
        json_of(kind)(an_answer(b"[" * 200_000))


@pytest.mark.parametrize("body", [b"null", b"[]"])
def test_a_null_list_is_an_empty_list(body: bytes) -> None:
    """Go prints nil slices as null; readers of lists never see that."""
    assert json_of(list[str])(an_answer(body)) == []


def test_nulls_and_unknown_fields_inside_are_forgiven() -> None:
    """Other versions of the server may say more, or null where we expect a list."""
    [entry] = kv.list_request("").read(an_answer(b'[{"Key":"a","Session":null,"New":1,"Value":"eA=="}]'))
    assert (entry.Key, entry.Value) == ("a", b"x")


@given(st.binary())
def test_any_body_gives_a_value_or_our_error(body: bytes) -> None:
    """Whatever a broken agent sends, nothing but ConsulError comes out."""
    with suppress(errors.ConsulError):
        kv.list_request("").read(an_answer(body))


def test_a_key_that_begins_with_a_slash_cannot_be_written() -> None:
    """Consul's client refuses it before anything is sent."""
    with pytest.raises(ValueError, match=r"Invalid key. Key must not begin with a '/': /a"):
        kv.put_request("/a")


def test_checks_of_a_state_that_there_is_not_are_never_asked_for() -> None:
    """An agent would answer that there are none; Consul's client says what is wrong."""
    request = health.state_request("Passing")
    with pytest.raises(errors.InvalidArgument, match=r"^Unsupported state: Passing$"):
        Encoder(Settings()).encode(request, None)


def test_options_win_over_settings_and_the_request_over_both() -> None:
    """A token or datacenter of one call replaces the client's."""
    encoder = Encoder(Settings(datacenter="dc1", token="mine", headers={"X-Trace": "1"}))
    wire = encoder.encode(kv.get_request("a"), QueryOptions(datacenter="dc2", token="yours"))
    assert wire.target == "/v1/kv/a?dc=dc2"
    assert dict(wire.headers) == {"X-Trace": "1", "X-Consul-Token": "yours"}


def test_a_blocking_query_gets_its_wait_on_top_of_the_timeout() -> None:
    """The server may add a sixteenth; silence is only an error after that."""
    encoder = Encoder(Settings(timeout=10))
    assert encoder.encode(kv.get_request("a"), None).silence == 10
    assert encoder.encode(kv.get_request("a"), QueryOptions(index=1, wait=16)).silence == 27
    assert encoder.encode(kv.get_request("a"), QueryOptions(index=1)).silence == pytest.approx(328.75)
    assert encoder.encode(kv.get_request("a"), QueryOptions(index=1, timeout=3)).silence == 3


def test_basic_auth_and_prefix_come_from_the_settings() -> None:
    """User and password become a header, a path in the address goes in front of every path."""
    wire = Encoder(Settings(address="http://h:1/consul", auth="user:pass")).encode(kv.get_request("a"), None)
    assert wire.target == "/consul/v1/kv/a"
    assert dict(wire.headers) == {"Authorization": "Basic dXNlcjpwYXNz"}


@pytest.mark.parametrize(
    ("kind", "fields", "printed"),
    [
        (results.HealthCheck, {"Interval": "10s", "Timeout": "3s"}, ()),
        (results.CheckDefinition, {"AliasService": "web", "TTL": 5, "ScriptArgs": ["x"], "H2PING": "h:1"}, ()),
        (results.CatalogService, {"ServiceKind": "connect-proxy", "ServiceConnect": {"Native": True}}, ()),
        (results.CatalogService, {"ServiceSocketPath": "/s", "PeerName": "east"}, ()),
        (results.CARoot, {"SerialNumber": 7, "NotAfter": "2030-01-01T00:00:00Z", "IntermediateCerts": ["pem"]}, ()),
        (results.QueryResult, {"PeerName": "east"}, ()),
        (results.Member, {"Status": 1}, ("Status",)),
    ],
)
def test_what_consuls_library_drops_is_kept_but_not_printed(
    kind: type[results.Result], fields: dict[str, Any], printed: tuple[str, ...]
) -> None:
    """A program may read every field of an answer; ``consul watch`` prints those that Consul's does."""
    value: results.Result = json_of(kind)(an_answer(msgspec.json.encode(fields)))
    assert {name: msgspec.to_builtins(getattr(value, name)) for name in fields} == fields
    assert tuple(name for name in fields if name in results.plain(value)) == printed
