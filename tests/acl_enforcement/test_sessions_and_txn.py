"""Sessions by their nodes, and transactions by each of their operations."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.acl_enforcement.conftest import Guarded

RULES = {
    "reads": 'session "test-node" { policy = "read" }',
    "writes": 'session_prefix "" { policy = "write" } session "n1" { policy = "deny" }',
    "other": 'session "other" { policy = "write" }',
}
KEYS = 'key_prefix "a/" { policy = "write" } key_prefix "r/" { policy = "read" }'


@pytest.fixture(name="session")
def session_fixture(guarded: Guarded) -> str:
    """A session on the agent's node, and a node that has none."""
    guarded.must("PUT /v1/catalog/register", {"Node": "n1", "Address": "10.0.0.1"})
    return guarded.must("PUT /v1/session/create", {"TTL": "1h", "Name": "one"})["ID"]


def test_sessions_need_the_right_to_their_node(check: Callable[..., None], session: str) -> None:
    """What is hidden looks like what is not there, to readers; writers are told."""
    bodies: dict[str, dict[str, Any]] = {
        "PUT /v1/session/create?n1": {"Node": "n1", "NodeChecks": []},
        "PUT /v1/session/create": {"Name": "two", "NodeChecks": []},
    }
    check(
        RULES,
        [
            ("reads", "GET /v1/session/list", "200 one"),
            ("other", "GET /v1/session/list", "200 filtered"),
            ("", "GET /v1/session/list", "200"),
            ("other", "GET /v1/session/node/test-node", "200 filtered"),
            ("other", f"GET /v1/session/info/{session}", "200 filtered"),
            ("reads", f"GET /v1/session/info/{session}", "200 one"),
            ("reads", "PUT /v1/session/create", "403 session:write on test-node"),
            ("reads", f"PUT /v1/session/renew/{session}", "403 session:write on test-node"),
            ("reads", f"PUT /v1/session/destroy/{session}", "403 session:write on test-node"),
            ("writes", "PUT /v1/session/create?n1", "403 session:write on n1"),
            ("writes", f"PUT /v1/session/renew/{session}", "200 one"),
            ("writes", f"PUT /v1/session/destroy/{session}", "200 True"),
            ("reads", f"PUT /v1/session/destroy/{session}", "200 True"),
        ],
        bodies,
    )


def transact(guarded: Guarded, token: str, *ops: dict[str, Any]) -> tuple[int, list[str], list[tuple[int, str]]]:
    """Status of a transaction, the names of its results, and what was wrong with which operation."""
    status, _, body = guarded.answer("PUT /v1/txn", token, list(ops))
    found = json.loads(body)
    results = [
        next(row.get("Key") or row.get("Service") or row["Node"] for row in one.values())
        for one in found["Results"] or ()
    ]
    return status, results, [(one["OpIndex"], one["What"].split(" lacks ")[-1]) for one in found["Errors"] or ()]


def kv(verb: str, key: str, **more: Any) -> dict[str, Any]:
    """One operation on a key."""
    return {"KV": {"Verb": verb, "Key": key, **more}}


def test_each_operation_of_a_transaction_is_refused_by_itself(guarded: Guarded) -> None:
    """The errors carry the numbers of the operations, and nothing is done."""
    token = guarded.token(KEYS)
    found = transact(
        guarded,
        token,
        kv("set", "a/1", Value="MQ=="),
        kv("set", "b", Value="MQ=="),
        kv("check-index", "b", Index=1),
        kv("get", "b"),
        kv("delete-tree", ""),
        kv("check-not-exists", "r/none"),
        {"Node": {"Verb": "set", "Node": {"Node": "n7"}}},
        {"Service": {"Verb": "set", "Node": "n1", "Service": {"Service": "web"}}},
        {"Check": {"Verb": "set", "Check": {"Node": "n1", "CheckID": "c"}}},
        {"Check": {"Verb": "set", "Check": {"Node": "n1", "CheckID": "c", "ServiceID": "w", "ServiceName": "web"}}},
    )
    assert found == (
        409,
        [],
        [
            (1, "permission 'key:write' on \"b\""),
            (2, "permission 'key:read' on \"b\""),
            (4, "permission 'key:write'"),
            (5, "permission 'key:write' on \"r/none\""),
            (6, "permission 'node:write' on \"n7\""),
            (7, "permission 'service:write' on \"web\""),
            (8, "permission 'node:write' on \"n1\""),
            (9, "permission 'service:write' on \"web\""),
        ],
    )
    assert guarded.ask("GET /v1/kv/a/1", token) == "404"


def test_reads_in_a_transaction_leave_out_what_is_hidden(guarded: Guarded) -> None:
    """With writes and without; only without does the answer say so."""
    guarded.must("PUT /v1/kv/b", b"v")
    guarded.must("PUT /v1/kv/r/1", b"v")
    guarded.must("PUT /v1/catalog/register", {"Node": "n1", "Address": "10.0.0.1", "Service": {"Service": "web"}})
    token = guarded.token(KEYS + ' service "web" { policy = "read" }')
    reads = [
        kv("get", "b"),
        kv("get-tree", "r/"),
        {"Node": {"Verb": "get", "Node": {"Node": "n1"}}},
        {"Service": {"Verb": "get", "Node": "n1", "Service": {"ID": "web", "Service": "web"}}},
    ]
    assert transact(guarded, token, *reads) == (200, ["r/1", "web"], [])
    assert transact(guarded, token, *reads, kv("set", "a/1", Value="MQ==")) == (200, ["r/1", "web", "a/1"], [])
    for secret, told in ((token, True), ("", False)):
        assert json.loads(guarded.answer("PUT /v1/txn", secret, reads)[2])["ResultsFilteredByACLs"] is told
