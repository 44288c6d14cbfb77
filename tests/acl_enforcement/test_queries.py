"""Prepared queries: rules by name, IDs that protect those without one, and tokens that stay hidden."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.acl_enforcement.conftest import Guarded

RULES = {
    "reads": 'query_prefix "web" { policy = "read" }',
    "writes": 'query "web" { policy = "write" }',
    "sees web": 'node_prefix "" { policy = "read" } service "web" { policy = "read" }',
    "management": 'acl = "write"',
}


@pytest.fixture(name="queries")
def queries_fixture(guarded: Guarded) -> dict[str, str]:
    """Queries by what they show: a name, a token of its own, no name, a template; and services to be found."""
    seer = guarded.token(RULES["sees web"])
    for name in ("web", "db"):
        guarded.must("PUT /v1/catalog/register", {"Node": "n1", "Address": "10.0.0.1", "Service": {"Service": name}})
    session = guarded.must("PUT /v1/session/create", {"NodeChecks": []})["ID"]
    wanted = {
        "web": {"Name": "web", "Service": {"Service": "web"}},
        "db": {"Name": "db", "Service": {"Service": "db"}, "Token": seer},
        "captured": {"Name": "web-captured", "Service": {"Service": "web"}, "Token": seer},
        "nameless": {"Session": session, "Service": {"Service": "web"}, "Token": seer},
        "template": {"Name": "", "Template": {"Type": "name_prefix_match"}, "Service": {"Service": "${name.full}"}},
    }
    return {name: guarded.must("POST /v1/query", body)["ID"] for name, body in wanted.items()}


def test_queries_are_read_by_name_or_by_the_knowledge_of_their_id(
    check: Callable[..., None], queries: dict[str, str]
) -> None:
    """Only management sees those without a name in the list; nobody is told that they are missing."""
    check(
        RULES,
        [
            ("reads", "GET /v1/query", "200 web web filtered"),
            ("writes", "GET /v1/query", "200 web filtered"),
            ("", "GET /v1/query", "200"),
            ("reads", f"GET /v1/query/{queries['web']}", "200 web"),
            ("reads", f"GET /v1/query/{queries['db']}", "403"),
            ("reads", f"GET /v1/query/{queries['template']}", "403"),
            ("reads", f"GET /v1/query/{queries['nameless']}", "200 web"),
            ("", f"GET /v1/query/{queries['nameless']}", "200 web"),
            ("reads", "GET /v1/query/web/explain", "200 web"),
            ("reads", "GET /v1/query/db/explain", "403"),
            ("reads", "GET /v1/query/nothing-like-it/explain", "403"),
            ("reads", f"GET /v1/query/{queries['nameless']}/explain", "403"),
        ],
    )


def test_management_alone_sees_tokens(guarded: Guarded, queries: dict[str, str]) -> None:
    """To others it is told that there is one."""

    def token_of(name: str, secret: str) -> str:
        return json.loads(guarded.answer(f"GET /v1/query/{queries[name]}", secret)[2])[0]["Token"]

    reader, management = guarded.token(RULES["reads"]), guarded.token(RULES["management"])
    assert [token_of(name, reader) for name in ("web", "captured", "nameless")] == ["", "<hidden>", "<hidden>"]
    assert token_of("captured", management) in guarded.accessors
    assert len(json.loads(guarded.answer("GET /v1/query", management)[2])) == len(queries)


def test_a_query_runs_with_its_own_token_else_with_the_askers(guarded: Guarded, queries: dict[str, str]) -> None:
    """Running needs no right to the query; the instances that it finds are filtered."""
    secrets = {name: guarded.token(rules) for name, rules in RULES.items()} | {"": ""}

    def found(who: str, query: str) -> tuple[int, bool]:
        status, headers, body = guarded.answer(f"GET /v1/query/{query}/execute", secrets[who])
        assert status == 200
        return len(json.loads(body)["Nodes"]), "x-consul-results-filtered-by-acls" in headers

    assert found("reads", "web") == (0, True)
    assert found("", "web") == (0, False)
    assert found("sees web", "web") == (1, False)
    assert found("sees web", "db") == (0, True)  # its own token does not see db
    assert found("", "web-captured") == (1, False)
    assert found("", queries["nameless"]) == (1, False)


def test_writing_needs_the_right_to_the_old_and_the_new_name(
    check: Callable[..., None], queries: dict[str, str]
) -> None:
    """A query without a name is written by whoever knows its ID."""
    bodies = {
        "POST /v1/query?web": {"Name": "web2", "Service": {"Service": "web"}},
        "POST /v1/query?all": {"Template": {"Type": "name_prefix_match"}, "Service": {"Service": "web"}},
        f"PUT /v1/query/{queries['web']}?rename": {"Name": "db2", "Service": {"Service": "web"}},
        f"PUT /v1/query/{queries['db']}?take": {"Name": "web", "Service": {"Service": "web"}},
        f"PUT /v1/query/{queries['web']}": {"Name": "web", "Service": {"Service": "web"}},
    }
    check(
        RULES,
        [
            ("reads", "POST /v1/query?web", "403 query:write on web2"),
            ("reads", "POST /v1/query?all", "403 query:write"),
            ("writes", f"PUT /v1/query/{queries['web']}?rename", "403 query:write on db2"),
            ("writes", f"PUT /v1/query/{queries['db']}?take", "403 query:write on db"),
            ("writes", f"PUT /v1/query/{queries['web']}", "200"),
            ("writes", f"DELETE /v1/query/{queries['db']}", "403 query:write on db"),
            ("reads", f"DELETE /v1/query/{queries['web']}", "403 query:write on web"),
            ("", f"DELETE /v1/query/{queries['web']}", "403 query:write on web"),
        ],
        bodies,
    )
