"""Watch plans: parameters, what they ask, what is printed, what counts as a change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.sdk import watch, watch_plan
from pyconsul.sdk.blocking import watch as blocking_watch
from pyconsul.sdk.encode import Encoder
from pyconsul.sdk.errors import ConsulError, InvalidArgument, ServerError, WatchError
from pyconsul.sdk.request import Answer
from pyconsul.sdk.results import UserEvent
from pyconsul.sdk.settings import Settings
from tests.sdk.conftest import Either, StubAgent, plain_answer

TARGETS: list[tuple[dict[str, Any], str]] = [
    ({"type": "key", "key": "a/b"}, "/v1/kv/a/b"),
    ({"type": "key", "key": "a", "stale": True, "datacenter": "dc2"}, "/v1/kv/a?dc=dc2&stale="),
    ({"type": "keyprefix", "prefix": "a/"}, "/v1/kv/a/?recurse="),
    ({"type": "services", "filter": "x"}, "/v1/catalog/services?filter=x"),
    ({"type": "nodes"}, "/v1/catalog/nodes"),
    ({"type": "service", "service": "web"}, "/v1/health/service/web"),
    ({"type": "service", "service": "web", "tag": "a", "passingonly": True}, "/v1/health/service/web?passing=&tag=a"),
    ({"type": "service", "service": "web", "tag": ["a", "b"]}, "/v1/health/service/web?tag=a&tag=b"),
    ({"type": "checks"}, "/v1/health/state/any"),
    ({"type": "checks", "state": "critical"}, "/v1/health/state/critical"),
    ({"type": "checks", "service": "web", "filter": "x"}, "/v1/health/checks/web?filter=x"),
    ({"type": "event", "name": "deploy"}, "/v1/event/list?name=deploy"),
    ({"type": "connect_roots"}, "/v1/agent/connect/ca/roots"),
    ({"type": "connect_leaf", "service": "web"}, "/v1/agent/connect/ca/leaf/web"),
    ({"type": "agent_service", "service_id": "web"}, "/v1/agent/service/web"),
]

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "Watch type must be specified"),
    ({"type": ""}, "Watch type must be specified"),
    ({"type": "nope"}, "Unsupported watch type: nope"),
    ({"type": 5}, "Expecting type to be a string"),
    ({"type": "key", "datacenter": 5}, "Expecting datacenter to be a string"),
    ({"type": "key"}, "Must specify a single key to watch"),
    ({"type": "keyprefix"}, "Must specify a single prefix to watch"),
    ({"type": "service"}, "Must specify a single service to watch"),
    ({"type": "service", "service": "a", "tag": 5}, "Expecting tag to be a string or []string"),
    ({"type": "service", "service": "a", "tag": ["a", 5]}, "Index 1 of tag expected to be string"),
    ({"type": "key", "key": "a", "stale": "yes"}, "Expecting stale to be a boolean"),
    ({"type": "checks", "service": "a", "state": "any"}, "Cannot specify service and state"),
    ({"type": "key", "key": "a", "prefix": "b"}, "Invalid parameters: [prefix]"),
    (
        {"type": "key", "key": "a", "handler_type": "http"},
        "Handler type 'http' requires 'http_handler_config' to be set",
    ),
    (
        {"type": "key", "key": "a", "handler_type": "http", "http_handler_config": {}},
        "Failed to parse 'http_handler_config': Requires 'path' to be set",
    ),
    (
        {
            "type": "key",
            "key": "a",
            "handler_type": "http",
            "http_handler_config": {"path": "http://h", "timeout": "x"},
        },
        "Failed to parse 'http_handler_config': Failed to parse timeout: time: invalid duration \"x\"",
    ),
]


@pytest.mark.parametrize(("params", "target"), TARGETS)
def test_each_type_asks_its_route(params: dict[str, Any], target: str) -> None:
    """Parameters become path and query as in Consul's own client."""
    plan = watch.parse(params)
    assert Encoder(Settings()).encode(plan.request, plan.options).target == target


def test_a_state_that_there_is_not_makes_a_plan_that_fails_each_time() -> None:
    """As in Consul, it is the client that refuses it, not the plan."""
    plan = watch.parse({"type": "checks", "state": "zz"})
    with pytest.raises(InvalidArgument, match=r"^Unsupported state: zz$"):
        Encoder(Settings()).encode(plan.request, plan.options)


def test_the_table_has_a_test_for_each_type() -> None:
    """A new watch type needs its row here."""
    assert {params["type"] for params, _ in TARGETS} == watch_plan.TYPES.keys()


@pytest.mark.parametrize(("params", "text"), REFUSED)
def test_wrong_parameters_are_refused_in_consuls_words(params: dict[str, Any], text: str) -> None:
    """Agents log these sentences for wrong ``watches``."""
    with pytest.raises(WatchError) as caught:
        watch.parse(params)
    assert str(caught.value) == text


_values = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text() | st.integers())


@given(
    st.sampled_from(sorted(watch_plan.TYPES)),
    st.dictionaries(
        st.sampled_from(["key", "prefix", "service", "tag", "stale", "handler_type", "http_handler_config", "state"]),
        _values | st.dictionaries(st.text(), _values),
    ),
)
def test_any_parameters_give_a_plan_or_a_watch_error(kind: str, params: dict[str, Any]) -> None:
    """A configuration file can hold anything."""
    try:
        assert watch.parse({"type": kind, **params}).type == kind
    except WatchError:
        return


def test_exempt_parameters_are_kept_for_the_caller() -> None:
    """``handler`` and ``args`` belong to the agent; the given dict stays as it was."""
    params = {"type": "key", "key": "a", "args": ["sh"], "token": "t"}
    plan = watch.parse(params, exempt=["handler", "args"])
    assert plan.exempt == {"args": ["sh"]}
    assert plan.options.token == "t"
    assert params["args"] == ["sh"]


@pytest.mark.parametrize(
    ("config", "faults"),
    [
        (
            {"path": 3, "timeout": 5},
            [
                "'path' expected type 'string', got unconvertible type 'int', value: '3'",
                "'timeout' expected type 'string', got unconvertible type 'int', value: '5'",
            ],
        ),
        (
            {"tls_skip_verify": "x"},
            ["'tls_skip_verify' expected type 'bool', got unconvertible type 'string', value: 'x'"],
        ),
        ({"header": 3}, ["'header' expected a map, got 'int'"]),
        ({"header": {"a": "b"}}, ["'header[a]': source data must be an array or slice, got string"]),
        (
            {"header": {"a": ["b", 3]}},
            ["'header[a][1]' expected type 'string', got unconvertible type 'int', value: '3'"],
        ),
    ],
)
def test_a_handler_of_wrong_types_is_refused_as_a_whole(config: dict[str, Any], faults: list[str]) -> None:
    """All faults are told."""
    given = {"type": "nodes", "handler_type": "http", "http_handler_config": {"path": "http://h", **config}}
    with pytest.raises(WatchError) as caught:
        watch.parse(given)
    lines = "".join(f"\n* {fault}" for fault in faults)
    assert str(caught.value) == f"Failed to parse 'http_handler_config': {len(faults)} error(s) decoding:\n{lines}"


def test_an_http_handler_has_defaults() -> None:
    """POST, ten seconds, certificates verified; names have any letter case, and unknown ones mean nothing."""
    config = {"Path": "http://h/x", "header": {"A": ["b"]}, "timeout": "5s", "method": None, "other": 1}
    plan = watch.parse({"type": "nodes", "handler_type": "http", "http_handler_config": config})
    expected = watch.HTTPHandler(path="http://h/x", header={"A": ["b"]}, timeout=5)
    assert plan.http_handler == expected
    assert (expected.method, expected.tls_skip_verify) == ("POST", False)


def read(plan: watch.Plan, body: bytes, status: int = 200) -> Any:
    """What a plan makes of an answer."""
    return plan.request.read(Answer(status, {}, body))


def test_a_key_is_printed_in_the_order_of_consuls_client() -> None:
    """Handlers parse this; Session is there although it is empty."""
    plan = watch.parse({"type": "key", "key": "k"})
    entry = read(plan, b'[{"LockIndex":0,"Key":"k","Flags":0,"Value":"dg==","CreateIndex":1,"ModifyIndex":2}]')
    assert plan.to_json(entry) == (
        b'{"Key":"k","CreateIndex":1,"ModifyIndex":2,"LockIndex":0,"Flags":0,"Value":"dg==","Session":""}\n'
    )


@pytest.mark.parametrize("params", [{"type": "key", "key": "k"}, {"type": "keyprefix", "prefix": "k"}])
def test_what_is_not_there_is_null(params: dict[str, Any]) -> None:
    """A missing key and an empty prefix alike."""
    plan = watch.parse(params)
    assert plan.to_pretty_json(read(plan, b"", 404)) == b"null"


def test_an_instance_is_printed_without_what_go_omits() -> None:
    """Empty fields marked omitempty vanish, nested objects and nulls stay."""
    plan = watch.parse({"type": "service", "service": "web"})
    body = (
        b'[{"Node":{"ID":"i","Node":"n","Address":"a","Datacenter":"d","TaggedAddresses":null,"Meta":null,'
        b'"CreateIndex":1,"ModifyIndex":1},"Service":{"ID":"web","Service":"web","Tags":[],"Address":"",'
        b'"Meta":null,"Port":80,"Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,'
        b'"Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},"Connect":{},"PeerName":"","CreateIndex":2,'
        b'"ModifyIndex":2},"Checks":[]}]'
    )
    assert plan.to_json(read(plan, body)) == (
        b'[{"Node":{"ID":"i","Node":"n","Address":"a","Datacenter":"d","TaggedAddresses":null,"Meta":null,'
        b'"CreateIndex":1,"ModifyIndex":1},"Service":{"ID":"web","Service":"web","Tags":[],"Meta":null,'
        b'"Port":80,"Address":"","Weights":{"Passing":1,"Warning":1},"EnableTagOverride":false,'
        b'"CreateIndex":2,"ModifyIndex":2,"Proxy":{"MeshGateway":{},"Expose":{}},"Connect":{}},"Checks":[]}]\n'
    )


def test_only_events_after_the_last_one_are_new() -> None:
    """The mark is the index of the newest event seen; an unknown mark gives all."""
    events = [UserEvent(ID=f"00000000-0000-0000-0000-00000000000{n}") for n in (1, 2, 3)]
    assert watch_plan.newest_events(events, 2) == events[2:]
    assert watch_plan.newest_events(events, 3) == []
    assert watch_plan.newest_events(events, 9) == events


def module_of(client: Either) -> Any:
    """The module of watch plans that goes with a client."""
    return watch if client.kind == "async" else blocking_watch


def follow(client: Either, plan: watch.Plan, **more: Any) -> Callable[[Any], Any]:
    """A function that starts to follow the plan with either client."""
    return lambda c: module_of(client).updates(c, plan, **more)


def test_only_other_values_are_updates(client: Either, stub: StubAgent) -> None:
    """Neither the same index nor the same value under a higher one wakes a handler."""
    script = [(5, "a"), (5, "a"), (6, "a"), (7, "b"), (2, "c")]
    answers = iter([plain_answer(b'{"s":["%b"]}' % tag.encode(), X_Consul_Index=str(index)) for index, tag in script])
    stub.answer = lambda asked: next(answers)
    found = client.take(3, follow(client, watch.parse({"type": "services"})))
    assert [(update.index, update.value["s"]) for update in found] == [(5, ["a"]), (7, ["b"]), (2, ["c"])]


def test_an_agent_service_is_watched_by_hash(client: Either, stub: StubAgent) -> None:
    """It has no index."""
    answers = iter([plain_answer(b'{"ID":"w","Port":%d}' % n, X_Consul_ContentHash=f"h{n}") for n in (1, 2)])
    stub.answer = lambda asked: next(answers)
    found = client.take(2, follow(client, watch.parse({"type": "agent_service", "service_id": "w"})))
    assert [(update.mark, update.value.Port) for update in found] == [("h1", 1), ("h2", 2)]
    assert "hash=h1" in stub.last.target


def test_errors_are_told_and_never_end_a_watch(
    client: Either, stub: StubAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pause grows with the square of the failures, up to three minutes."""
    told: list[tuple[ConsulError, float]] = []
    monkeypatch.setattr(watch, "_RETRY", 0.0)
    monkeypatch.setattr(blocking_watch, "_RETRY", 0.0)
    refused, found = plain_answer(b"no", 500), plain_answer(b"{}", X_Consul_Index="3")
    stub.answer = lambda asked: refused if len(stub.asked) <= 4 else found
    plan = watch.parse({"type": "services"})

    def tell(error: ConsulError, pause: float) -> None:
        told.append((error, pause))

    updates = client.take(1, follow(client, plan, on_error=tell))
    assert updates[0].index == 3
    assert [type(error) for error, _ in told] == [ServerError]


def test_a_route_without_index_is_an_error_not_a_busy_loop(client: Either, stub: StubAgent) -> None:
    """It would be asked again at once, for ever."""
    stub.answer = lambda asked: plain_answer(b"{}")
    with pytest.raises(ConsulError, match="nothing to wait on"):
        client(lambda c: module_of(client).fetch(c, watch.parse({"type": "services"})))
