"""Keys: what each rule lets read, list, write and drop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.acl_enforcement.conftest import Guarded

RULES = {
    "reader": 'key_prefix "a/" { policy = "read" }',
    "writer": 'key_prefix "a/" { policy = "write" } key "a/1" { policy = "deny" }',
    "one key": 'key "b" { policy = "write" }',
    "nothing": 'key_prefix "" { policy = "deny" }',
    "lister": 'key_prefix "a/" { policy = "list" } key_prefix "b" { policy = "read" }',
}


@pytest.fixture(name="keys", autouse=True)
def keys_fixture(guarded: Guarded) -> None:
    """Three keys."""
    for key in ("a/1", "a/2", "b"):
        guarded.must(f"PUT /v1/kv/{key}", b"v")


def test_reads_of_one_key_are_refused_by_name(check: Callable[..., None]) -> None:
    """A key that is not there is refused like one that is."""
    check(
        RULES,
        [
            ("reader", "GET /v1/kv/a/1", "200 a/1"),
            ("reader", "GET /v1/kv/b", "403 key:read on b"),
            ("reader", "GET /v1/kv/none", "403 key:read on none"),
            ("reader", "GET /v1/kv/a/none", "404"),
            ("writer", "GET /v1/kv/a/1", "403 key:read on a/1"),
            ("writer", "GET /v1/kv/a/2?raw", "200 v"),
            ("one key", "GET /v1/kv/b", "200 b"),
            ("nothing", "GET /v1/kv/b", "403 key:read on b"),
            ("", "GET /v1/kv/b", "403 key:read on b"),
        ],
    )


def test_lists_are_filtered_and_say_so_but_to_nobody_without_a_token(check: Callable[..., None]) -> None:
    """An empty list is a 404, but for the names of all keys, as without ACLs."""
    check(
        RULES,
        [
            ("reader", "GET /v1/kv/a/?recurse", "200 a/1 a/2"),
            ("reader", "GET /v1/kv/?keys", "200 a/1 a/2 filtered"),
            ("reader", "GET /v1/kv/?keys&separator=/", "200 a/ filtered"),
            ("writer", "GET /v1/kv/?recurse", "200 a/2 filtered"),
            ("one key", "GET /v1/kv/a/?recurse", "404 filtered"),
            ("nothing", "GET /v1/kv/?keys", "200 filtered"),
            ("", "GET /v1/kv/?keys", "200"),
            ("", "GET /v1/kv/?recurse", "404"),
        ],
    )


def test_writes_need_their_key_and_trees_all_that_is_below(check: Callable[..., None]) -> None:
    """A tree with one key in it that may not be written is not dropped."""
    check(
        RULES,
        [
            ("reader", "PUT /v1/kv/a/1", "403 key:write on a/1"),
            ("reader", "PUT /v1/kv/a/3?cas=0", "403 key:write on a/3"),
            ("reader", "DELETE /v1/kv/a/1", "403 key:write on a/1"),
            ("reader", "DELETE /v1/kv/a/?recurse", "403 key:write on a/"),
            ("writer", "PUT /v1/kv/a/3?cas=0", "200 True"),
            ("writer", "DELETE /v1/kv/a/3", "200 True"),
            ("writer", "DELETE /v1/kv/a/?recurse", "403 key:write on a/"),
            ("writer", "DELETE /v1/kv/a/2?recurse", "200 True"),
            ("one key", "PUT /v1/kv/b", "200 True"),
            ("", "DELETE /v1/kv/?recurse", "403 key:write"),
        ],
    )


def test_with_the_key_list_policy_lists_need_the_list_right(guarded_with: Callable[[str], Any]) -> None:
    """Reading alone lists nothing then; what the right covers is filtered as ever."""
    guarded = guarded_with("acl { enable_key_list_policy = true }")
    for key in ("a/1", "b"):
        guarded.must(f"PUT /v1/kv/{key}", b"v")
    lister, reader = guarded.token(RULES["lister"]), guarded.token(RULES["reader"])
    asked = [
        "GET /v1/kv/a/?recurse",
        "GET /v1/kv/a/?keys",
        "GET /v1/kv/b?recurse",
        "GET /v1/kv/?keys",
        "GET /v1/kv/a/1",
    ]
    assert [guarded.ask(request, lister) for request in asked] == [
        "200 a/1",
        "200 a/1",
        "403 key:list on b",
        "403 key:list",
        "200 a/1",
    ]
    assert guarded.ask("GET /v1/kv/a/?keys", reader) == "403 key:list on a/"
