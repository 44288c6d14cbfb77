"""Which token the agent uses for what, and how one that the API set stands against the configuration's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.agent.local.tokens import NAMES, Tokens
from pyconsul.config.sections import AclTokens


def configured(**given: str) -> AclTokens:
    """The tokens of a configuration, empty but for those that are given."""
    return AclTokens(**dict.fromkeys(AclTokens.__struct_fields__, "") | given)


TEXTS = st.sampled_from(["", "a", "b"])


@given(TEXTS, TEXTS, TEXTS)
def test_the_default_token_stands_in_for_those_that_are_not_set(default: str, agent: str, dns: str) -> None:
    """For the agent's own node, and for DNS."""
    tokens = Tokens(default=default, agent=agent, dns=dns)
    assert (tokens.agent_token(), tokens.dns_token()) == (agent or default, dns or default)


@pytest.mark.parametrize(
    ("own", "from_config", "used"),
    [("own", True, "own"), ("own", False, "own"), ("", True, "files"), ("", False, "default")],
)
def test_a_row_is_registered_with_its_own_token_or_that_of_files_or_the_default(
    own: str, from_config: bool, used: str
) -> None:
    """That of files is for what stands in them only."""
    tokens = Tokens(default="default", config_file_service_registration="files")
    assert tokens.for_row(own, from_config=from_config) == used


def test_without_a_token_for_files_the_default_one_registers_them() -> None:
    """As everything else."""
    assert Tokens(default="default").for_row("", from_config=True) == "default"


@pytest.mark.parametrize(
    ("own", "given_", "is_it"),
    [("s", "s", True), ("s", "S", False), ("s", "", False), ("", "", False), ("é", "é", True)],
)
def test_only_the_very_secret_is_the_recovery_tokens(own: str, given_: str, is_it: bool) -> None:
    """Where there is none, nothing is."""
    assert Tokens(agent_recovery=own).is_recovery(given_) is is_it


def test_a_token_that_changes_is_told_once() -> None:
    """Setting the same one again is no news, but that it now comes from the API is."""
    told: list[str] = []
    tokens = Tokens(on_change=lambda: told.append("changed"))
    tokens.load(configured(default="a"), None)
    told.clear()
    assert [tokens.update("default", token) for token in ("a", "a", "b", "b")] == [True, False, True, False]
    assert told == ["changed"] * 2


async def test_what_the_api_set_is_kept_and_wins_and_the_rest_is_configured(tmp_path: Path) -> None:
    """Another agent on the same folder finds it there; what the configuration alone says is not kept."""
    path = tmp_path / "tokens.json"
    tokens = Tokens()
    tokens.load(configured(default="configured", agent="configured"), path)
    tokens.update("default", "set")
    await tokens.save()
    again = Tokens()
    again.load(configured(default="other", agent="other"), path)
    assert (again.default, again.agent) == ("set", "other")


async def test_without_a_place_nothing_is_kept() -> None:
    """A reload then puts the configured token back."""
    tokens = Tokens()
    tokens.load(configured(), None)
    tokens.update("dns", "set")
    await tokens.save()
    tokens.load(configured(dns="configured"), None)
    assert tokens.dns == "configured"


@pytest.mark.parametrize("name", NAMES)
async def test_every_token_can_be_set_and_kept(name: str, tmp_path: Path) -> None:
    """Under its own name."""
    path = tmp_path / "tokens.json"
    tokens = Tokens()
    tokens.load(configured(), path)
    tokens.update(name, "secret")
    await tokens.save()
    again = Tokens()
    again.load(configured(), path)
    assert {each: getattr(again, each) for each in NAMES} == {**dict.fromkeys(NAMES, ""), name: "secret"}
