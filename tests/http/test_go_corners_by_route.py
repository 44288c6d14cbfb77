"""Corners of Go's decoder and of Consul's order of checks that clients can see."""

import json
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("path", "status", "text"),
    [
        ("/v1/kv/?ns=x", 400, "Missing key name"),
        ("/v1/kv/a?ns=x", 400, 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature'),
        ("/v1/kv/?keys&ns=x", 400, 'Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature'),
    ],
)
async def test_a_missing_key_is_told_before_a_namespace(path: str, status: int, text: str, wire: Any) -> None:
    """The key is looked for first, whatever else is wrong."""
    answer = await wire.get(path)
    assert (answer.status, answer.body.decode()) == (status, text)


async def test_a_transaction_takes_no_notice_of_namespaces(wire: Any) -> None:
    """Its operations name their own."""
    body = json.dumps([{"KV": {"Verb": "get-or-empty", "Key": "k"}}]).encode()
    assert (await wire.get("/v1/txn?ns=x", method="PUT", body=body)).status == 200


@pytest.mark.parametrize(
    ("body", "checks"), [({}, ["serfHealth"]), ({"NodeChecks": None}, None), ({"Checks": None}, [])]
)
async def test_a_null_list_empties_the_default(body: dict[str, None], checks: list[str] | None, wire: Any) -> None:
    """As Go's decoder has it: null makes a list nil, where a missing member leaves it as it was."""
    made = await wire.get("/v1/session/create", method="PUT", body=json.dumps(body).encode())
    found = await wire.get(f"/v1/session/info/{json.loads(made.body)['ID']}")
    assert json.loads(found.body)[0]["NodeChecks"] == checks


@pytest.mark.parametrize(
    ("path", "body", "text"),
    [
        ("/v1/session/create", {"Checks": "x"}, "string into Go struct field .Alias.Checks of type []types.CheckID"),
        ("/v1/catalog/deregister", {"CheckID": 5}, "number into Go struct field .Alias.CheckID of type types.CheckID"),
    ],
)
async def test_wrong_types_are_named_as_go_names_them(path: str, body: Any, text: str, wire: Any) -> None:
    """With the alias in which Consul's own decoders embed the struct."""
    answer = await wire.get(path, method="PUT", body=json.dumps(body).encode())
    assert (answer.status, answer.body.decode()) == (400, f"Request decode failed: json: cannot unmarshal {text}")


async def test_the_way_to_the_ui_has_a_page_only_for_readers(run_agent: Any, connect: Any) -> None:
    """Other methods are shown the way without one."""
    async with run_agent("ui_config { enabled = true }") as agent, connect(agent) as wire:
        shown, bare = await wire.get("/"), await wire.get("/", method="POST")
    assert (shown.status, bare.status, bare.headers["location"]) == (301, 301, "/ui/")
    assert b"Moved Permanently" in shown.body
    assert (bare.body, "content-type" in bare.headers) == (b"", False)
