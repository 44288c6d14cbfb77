"""``consul intention``: what is shown of intentions, and how checks of a connection end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import FakeAgent, Run

FAILS = (500, b"a stand-in that fails")
INTENTION = {
    "ID": "i1",
    "SourceName": "web",
    "DestinationName": "db",
    "Action": "allow",
    "Description": "for all",
    "Meta": {"k": "v", "a": "b"},
    "CreatedAt": "2026-07-02T03:04:05.678Z",
    "Precedence": 9,
}


@pytest.mark.parametrize("words", [["web", "db"], ["i1"]])
def test_an_intention_is_shown_with_what_it_has(
    words: list[str], agent: FakeAgent, run: Run, zone: Callable[[str], None]
) -> None:
    """Metadata is sorted; names and the ID of old lead to the same."""
    zone("UTC")
    agent.on("GET", "/v1/connect/intentions/exact", INTENTION)
    agent.on("GET", "/v1/connect/intentions/i1", INTENTION)
    assert run("intention", "get", *words).out == (
        "Source:       web\nDestination:  db\nAction:       allow\nID:           i1\nDescription:  for all\n"
        "Meta[a]:      b\nMeta[k]:      v\nCreated At:   Thursday, 02-Jul-26 03:04:05 UTC\n"
    )


def test_permissions_stand_below_an_intention(agent: FakeAgent, run: Run) -> None:
    """As JSON; what the intention does not have is left out."""
    permissions = [{"Action": "allow", "HTTP": {"PathExact": "/"}}]
    agent.on(
        "GET",
        "/v1/connect/intentions/exact",
        {"SourceName": "web", "SourceNS": "n", "DestinationName": "db", "Permissions": permissions},
    )
    lines = run("intention", "get", "web", "db").out.splitlines()
    assert lines[:2] == ["Source:       n/web", "Destination:  db"]
    assert lines[3:6] == ["Permissions:", "[", "  {"]


@pytest.mark.parametrize(
    ("name", "created", "shown"),
    [
        ("EST5EDT", "2026-07-02T03:04:05Z", "Wednesday, 01-Jul-26 23:04:05 EDT"),
        ("CET-1", "2026-07-02T03:04:05Z", "Thursday, 02-Jul-26 04:04:05 CET"),
        ("EST5", "0001-01-01T00:00:00Z", "Sunday, 31-Dec-00 19:00:00 EST"),
        ("CET-1", None, "Monday, 01-Jan-01 01:00:00 CET"),
    ],
)
def test_an_intention_tells_the_local_time_it_was_created_at(
    name: str, created: str | None, shown: str, agent: FakeAgent, run: Run, zone: Callable[[str], None]
) -> None:
    """Intentions of config entries were created at the zero time, which may be in the year before the first."""
    zone(name)
    agent.on("GET", "/v1/connect/intentions/exact", {**INTENTION, "CreatedAt": created})
    assert run("intention", "get", "web", "db").out.splitlines()[-1] == f"Created At:   {shown}"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((404, b"Intention not found"), 'Intention not found with source "web" and destination "db"'),
        (FAILS, "Error reading the intention: Unexpected response 500: a stand-in that fails"),
    ],
)
def test_an_intention_that_cannot_be_had_says_why(answer: Any, sentence: str, agent: FakeAgent, run: Run) -> None:
    """There is none, or the agent has no answer."""
    agent.on("GET", "/v1/connect/intentions/exact", answer)
    result = run("intention", "get", "web", "db")
    assert (result.code, result.err) == (1, sentence + "\n")


@pytest.mark.parametrize(
    ("answer", "code", "out", "err"),
    [
        ({"Allowed": True}, 0, "Allowed\n", ""),
        ({"Allowed": False}, 1, "Denied\n", ""),
        (FAILS, 2, "", "Error checking the connection: Unexpected response code: 500 (a stand-in that fails)\n"),
    ],
)
def test_a_check_ends_with_its_result(answer: Any, code: int, out: str, err: str, agent: FakeAgent, run: Run) -> None:
    """Scripts tell by the code whether a connection is denied or nothing is known."""
    agent.on("GET", "/v1/connect/intentions/check", answer)
    result = run("intention", "check", "web", "db")
    assert (result.code, result.out, result.err) == (code, out, err)


def test_a_list_of_no_intentions_is_an_error(agent: FakeAgent, run: Run) -> None:
    """With a code of its own."""
    agent.on("GET", "/v1/connect/intentions", [])
    result = run("intention", "list")
    assert (result.code, result.err) == (2, "There are no intentions.\n")


@pytest.mark.parametrize(("words", "side"), [(["a/b/c/d", "e"], "source"), (["a", "b/c/d/e"], "destination")])
def test_a_name_has_a_namespace_and_a_partition_at_most(words: list[str], side: str, run: Run) -> None:
    """Before anything is asked."""
    told = run("intention", "create", *words).err
    assert told == f"Error: Invalid intention {side}: input can contain at most two '/'\n"
