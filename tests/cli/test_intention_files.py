"""``consul intention create -file``: what a JSON file may hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import FakeAgent, Run


def test_only_known_fields_of_the_file_are_sent(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """In any letter case; others are passed over."""
    file = tmp_path / "i.json"
    file.write_text('{"sourcename": "a", "DestinationName": "b", "Action": "deny", "Foo": {"x": 1}}')
    agent.on("POST", "/v1/connect/intentions", {"ID": "i"})
    assert run("intention", "create", "-file", str(file)).out == "Created: a => b (deny)\n"
    assert json.loads(agent.asked[-1].body) == {"SourceName": "a", "DestinationName": "b", "Action": "deny"}


def test_permissions_do_not_come_from_a_file(run: Run, tmp_path: Path) -> None:
    """They belong to config entries, which a command of their own writes."""
    file = tmp_path / "i.json"
    file.write_text('{"SourceName": "a", "DestinationName": "b", "Permissions": [{"Action": "allow"}]}')
    result = run("intention", "create", "-file", str(file))
    assert result.code == 1
    assert result.err.startswith(f'Error: cannot create L7 intention from file "{file}" using this CLI')


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "json: cannot unmarshal array into Go value of type api.Intention"),
        ('{"ID": 5}', "json: cannot unmarshal number into Go struct field Intention.ID of type string"),
        (
            '{"Action": 5}',
            "json: cannot unmarshal number into Go struct field Intention.Action of type api.IntentionAction",
        ),
        ("{", "unexpected EOF"),
        ("", "EOF"),
    ],
)
def test_a_file_that_is_none_is_refused_as_go_does(run: Run, tmp_path: Path, text: str, reason: str) -> None:
    """Nothing is asked of the agent."""
    file = tmp_path / "i.json"
    file.write_text(text)
    assert run("intention", "create", "-file", str(file)).err == f"Error: {reason}\n"


@pytest.mark.parametrize("words", [["get", "a", "b"], ["get", "id"], ["create", "-replace", "a", "b"]])
def test_a_refused_reading_is_told_as_the_client_does(words: list[str], agent: FakeAgent, run: Run) -> None:
    """Its sentence about the status of an intention is not that of all other requests."""
    for path in ("exact", "id"):
        agent.on("GET", f"/v1/connect/intentions/{path}", (500, b"no leader"))
    result = run("intention", *words)
    assert result.code == 1
    assert result.err.endswith(": Unexpected response 500: no leader\n")
