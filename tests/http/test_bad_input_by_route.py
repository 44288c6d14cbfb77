"""Bad input at every route: an answer with a text, in time, and an agent that goes on."""

import asyncio
import json
import time
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyconsul.agent.agent import Agent
from pyconsul.agent.http import families
from pyconsul.testing import InProcessAgent
from tests.http.conftest import Wire

# How long it takes to draw examples, and how large they are, is not looked at.
ANY_EXAMPLES = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
# Routes with a JSON body.
BODIES = [
    ("PUT", "/v1/txn"),
    ("PUT", "/v1/session/create"),
    ("PUT", "/v1/catalog/register"),
    ("PUT", "/v1/catalog/deregister"),
    ("PUT", "/v1/agent/service/register"),
    ("PUT", "/v1/agent/check/register"),
    ("PUT", "/v1/agent/check/update/none"),
    ("PUT", "/v1/coordinate/update"),
    ("POST", "/v1/query"),
    ("PUT", "/v1/query/00000000-0000-0000-0000-000000000000"),
    ("PUT", "/v1/operator/autopilot/configuration"),
    ("POST", "/v1/operator/keyring"),
    ("POST", "/v1/agent/connect/authorize"),
    ("POST", "/v1/internal/acl/authorize"),
]
# Kinds of bodies on which a careless decoder stumbles.
BAD = {
    "nothing": b"",
    "null": b"null",
    "nulls": b"[null,null]",
    "null members": b'{"Node":null,"Service":null,"Check":null,"Checks":[null],"Name":null,"KV":null,"Coord":null}',
    "a list": b"[[[]]]",
    "a number": b"1e400",
    "a text": b'"x"',
    "cut": b'{"Name":"x"',
    "trailing": b'{"Name":"x"}}',
    "bad UTF-8": b'{"Name":"\xff\xfe"}',
    "lone surrogate": b'{"Name":"\\ud800"}',
    "NaN": b'{"Port":NaN}',
    "huge number": b'{"Port":' + b"9" * 5000 + b"}",
    "deep": b"[" * 100_000,
    "deep object": b'{"Name":' * 20_000,
    "twice": b'{"Name":"x","name":"y","NAME":null}',
    "control bytes": b'{"Name":"\x00\x1f"}',
    "byte order mark": b'\xef\xbb\xbf{"Name":"x"}',
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_body_is_answered_at_every_route(kind: str, agent: Agent, wire: Wire) -> None:
    """With a status and a text, never an internal error, never a dropped connection."""
    for method, path in BODIES:
        answer = await wire.get(path, method=method, body=BAD[kind])
        assert not answer.body.startswith(b"internal error"), (method, path, answer)
        assert answer.status < 500 or answer.body, (method, path, answer)
    assert (await wire.get("/v1/status/leader")).status == 200


HUGE = "9" * 30


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/txn", '[{"KV":{"Verb":"set","Key":"a","Flags":%s}}]'),
        ("PUT", "/v1/txn", '[{"KV":{"Verb":"set","Key":"a","Flags":-1}}]'),
        ("PUT", "/v1/txn", '[{"Service":{"Verb":"set","Node":"n","Service":{"Service":"w","Port":%s}}}]'),
        ("PUT", "/v1/catalog/register", '{"Node":"n","Address":"192.0.2.1","Service":{"Service":"w","Port":%s}}'),
        ("PUT", "/v1/agent/service/register", '{"Name":"w","Port":%s}'),
        ("POST", "/v1/query", '{"Service":{"Service":"w","Failover":{"NearestN":%s}}}'),
        ("PUT", "/v1/operator/autopilot/configuration", '{"MaxTrailingLogs":%s}'),
        ("PUT", "/v1/session/create", '{"LockDelay":1e999}'),
        ("PUT", "/v1/coordinate/update", '{"Node":"n","Coord":{"Vec":[0,0,0,0,0,0,0,0],"Error":%s}}'),
    ],
)
async def test_a_number_that_does_not_fit_is_refused(method: str, path: str, body: str, wire: Wire) -> None:
    """Nothing may reach the log that cannot be written there: Go's integers have 64 bits."""
    text = body.replace("%s", HUGE * 20 if "coordinate" in path else HUGE)
    answer = await wire.get(path, method=method, body=text.encode())
    assert answer.status == 400 and b"cannot unmarshal number" in answer.body


@pytest.mark.parametrize(
    ("given_delay", "kept"), [("1e30", 0), ("1e18", 10**18), ("5", 5 * 10**9), ('"3s"', 3 * 10**9)]
)
async def test_a_lock_delay_overflows_as_in_go(given_delay: str, kept: int, wire: Wire) -> None:
    """A float beyond 64 bits becomes nothing, as recorded from Consul."""
    await wire.get("/v1/session/create", method="PUT", body=f'{{"LockDelay":{given_delay}}}'.encode())
    (session,) = json.loads((await wire.get("/v1/session/list")).body)
    assert session["LockDelay"] == kept


@pytest.mark.parametrize(
    ("method", "path", "body", "fault"),
    [
        (
            "PUT",
            "/v1/operator/autopilot/configuration",
            '{"MinQuorum":-1,"Nope":1,"LastContactThreshold":"soon"}',
            'Error parsing autopilot config: time: invalid duration "soon"',
        ),
        (
            "PUT",
            "/v1/operator/autopilot/configuration",
            '{"Nope":1,"MinQuorum":-1}',
            'Error parsing autopilot config: json: unknown field "Nope"',
        ),
        (
            "PUT",
            "/v1/connect/intentions/exact?source=a&destination=b",
            '{"Hash":1,"Nope":1}',
            "Request decode failed: json: cannot unmarshal number into Go struct field .Hash of type string",
        ),
        (
            "PUT",
            "/v1/connect/intentions/exact?source=a&destination=b",
            '{"JWT":{"Providers":1},"CreatedAt":1}',
            "Request decode failed: json: cannot unmarshal number into Go struct field "
            "IntentionJWTRequirement.Alias.JWT.Providers of type []*structs.IntentionJWTProvider",
        ),
        (
            "PUT",
            "/v1/session/create",
            '{"LockDelay":1e400,"Name":1}',
            "Request decode failed: json: cannot unmarshal number 1e400 into Go struct field .LockDelay "
            "of type float64",
        ),
        (
            "PUT",
            "/v1/session/create",
            '{"LockDelay":"soon","Name":1}',
            "Request decode failed: json: cannot unmarshal number into Go struct field .Alias.Name of type string",
        ),
        (
            "PUT",
            "/v1/internal/service-virtual-ip",
            '{"Token":1,"Nope":1}',
            "Request decode failed: json: cannot unmarshal number into Go struct field "
            "AssignServiceManualVIPsRequest.DCSpecificRequest.QueryOptions.Token of type string",
        ),
    ],
)
async def test_of_several_faults_consuls_is_told(method: str, path: str, body: str, fault: str, wire: Wire) -> None:
    """The first in the order of the body, but for those of types that read themselves."""
    answer = await wire.get(path, method=method, body=body.encode())
    assert (answer.status, answer.body.decode()) == (400, fault)


@pytest.mark.parametrize(
    "path", ["/v1/event/fire/%ff", "/v1/catalog/node/%ff", "/v1/health/service/%ff", "/v1/query/%ff"]
)
async def test_names_that_are_no_text_are_answered(path: str, wire: Wire) -> None:
    """Keys may be any bytes, names not."""
    answer = await wire.get(path, method="PUT" if "event" in path else "GET")
    assert answer.status in (200, 400, 404, 500) and not answer.body.startswith(b"internal error")


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/v1/agent/health/service/id/%ff?format=text", 404, b"ServiceId \xff not found"),
        ("GET", "/v1/agent/health/service/name/%ff?format=text", 404, b"ServiceName \xff Not Found"),
        ("GET", "/v1/agent/service/%ff", 404, b"unknown service ID: \xff"),
        ("PUT", "/v1/session/renew/%ff", 404, b"Session id '\xff' not found"),
    ],
)
async def test_bytes_come_back_as_they_came(method: str, path: str, status: int, body: bytes, wire: Wire) -> None:
    """Keys and identifiers in an error are the bytes of the request."""
    answer = await wire.get(path, method=method)
    assert (answer.status, answer.body) == (status, body)


async def test_a_cached_read_that_may_not_wait_still_answers(wire: Wire) -> None:
    """With nothing in the cache yet the first answer is waited for, however short the wait."""
    answer = await wire.get("/v1/health/service/web?cached&index=1&wait=1ns")
    assert answer.status == 200


FILTERED = [
    "/v1/catalog/nodes",
    "/v1/health/state/any",
    "/v1/agent/services",
    "/v1/agent/members",
    "/v1/catalog/services",
]


@pytest.mark.parametrize("depth", [12, 40, 300])
@pytest.mark.parametrize("path", FILTERED)
async def test_nested_parentheses_in_a_filter_take_no_time(path: str, depth: int, wire: Wire) -> None:
    """A real agent takes minutes over a dozen; here any depth is answered or refused at once."""
    expression = "(" * depth + "Node == x" + ")" * depth
    began = time.process_time()
    answer = await wire.get(f"{path}?filter={quote(expression)}")
    assert time.process_time() - began < 2
    assert answer.status in (200, 400, 500) and b"internal error" not in answer.body


@pytest.mark.parametrize(
    "expression",
    ["(" * 5000, "not " * 3000 + "Node == x", " or ".join(["Node == x"] * 3000), '"' * 999, "\udcff", "\0"],
)
async def test_a_filter_of_any_size_is_answered(expression: str, wire: Wire) -> None:
    """Refused or used; the agent goes on."""
    answer = await wire.get(f"/v1/catalog/nodes?filter={quote(expression, errors='surrogateescape')}")
    assert answer.status in (200, 400, 500) and b"internal error" not in answer.body
    assert (await wire.get("/v1/status/leader")).status == 200


def test_a_request_that_nobody_foresaw_is_answered() -> None:
    """Random targets, parameters and bodies at all routes, over one connection after the other."""
    patterns = sorted(families.router().routes)
    skipped = ("leave", "join", "reload", "monitor", "stream", "/v1/snapshot")
    targets = st.sampled_from([p for p in patterns if not any(s in p for s in skipped)])
    names = st.sampled_from(
        ["index", "wait", "filter", "near", "dc", "cas", "flags", "stale", "hash", "tag", "node-meta"]
    )
    values = st.one_of(
        st.sampled_from(["", "1ns", "1", "-1", "x", "99999999999999999999", "(((", "%"]), st.text(max_size=5)
    )
    methods = st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS"])
    rest = st.text(max_size=4)
    bodies = st.one_of(st.sampled_from([*BAD.values()][:12]), st.binary(max_size=20))

    requests: list[tuple[str, str, bytes]] = []

    # All are made before the agent runs: hypothesis seeds the dice that its thread would throw meanwhile.
    @settings(max_examples=300, deadline=None, suppress_health_check=ANY_EXAMPLES)
    @given(methods, targets, rest, st.lists(st.tuples(names, values), max_size=3), bodies)
    def make(method: str, pattern: str, filling: str, query: list[tuple[str, str]], body: bytes) -> None:
        path = pattern.partition("{")[0] + quote(filling if "{" in pattern else "")
        waits = any(name in ("index", "hash") for name, _ in query)
        pairs = [f"{name}={quote(value)}" for name, value in query] + (["wait=1ns"] if waits else [])
        requests.append((method, f"{path}?{'&'.join(pairs)}", body))

    make()
    with InProcessAgent() as agent:

        async def answer(method: str, target: str, body: bytes) -> bytes:
            reader, writer = await asyncio.open_connection(*agent.http_address.split(":"))
            head = f"{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode("utf-8", "surrogateescape") + body)
            found = await asyncio.wait_for(reader.read(), 60)
            writer.close()
            await writer.wait_closed()
            return found

        async def attack() -> None:
            for request in requests:
                found = await answer(*request)
                assert found.startswith(b"HTTP/1.1 ") and b"\r\n\r\ninternal error" not in found, (request, found)

        asyncio.run(attack())
        assert json.loads(json.dumps(agent.client.status.leader()))
    assert len(requests) >= 300
