"""The agent's own tokens: where they come from, where they are kept, who hears of a new one."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path

import pytest

from pyconsul.agent.local.tokens import NAMES
from pyconsul.config import load
from tests.agent.conftest import Api, with_acls

CONFIGURED = """
acl {
  enabled = true
  enable_token_persistence = true
  tokens { default = "from-file" agent = "agent-from-file" }
}
"""
RIGHTS = 'agent "here" { policy = "write" }'


def kept(folder: Path) -> dict[str, str]:
    """The file in a data directory."""
    return json.loads((folder / "acl-tokens.json").read_text())


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("default", "default"),
        ("acl_token", "default"),
        ("agent", "agent"),
        ("acl_agent_token", "agent"),
        ("agent_recovery", "agent_recovery"),
        ("agent_master", "agent_recovery"),
        ("acl_agent_master_token", "agent_recovery"),
        ("replication", "replication"),
        ("acl_replication_token", "replication"),
        ("config_file_service_registration", "config_file_service_registration"),
        ("dns", "dns"),
        ("dns_token", "dns"),
    ],
)
async def test_each_token_has_its_names(api: Api, path: str, field: str) -> None:
    """New ones and old ones."""
    answer = await api.put(f"/v1/agent/token/{path}", {"Token": "new"}, api.grant(RIGHTS))
    assert (answer.status, answer.raw) == (200, b"")
    assert {name for name in NAMES if getattr(api.agent.tokens, name) == "new"} == {field}


async def test_a_name_or_body_that_means_nothing_is_refused(api: Api) -> None:
    """The right to it is looked at first."""
    token = api.grant(RIGHTS)
    assert (await api.put("/v1/agent/token/odd", {"Token": "x"}, token)).text == 'Token "odd" is unknown'
    assert (await api.put("/v1/agent/token/agent", b"{", token)).status == 400
    answer = await api.put("/v1/agent/token/agent", [], token)
    assert answer.text.endswith("json: cannot unmarshal array into Go value of type api.AgentToken")
    assert (await api.put("/v1/agent/token/odd", b"{", "")).status == 403


async def test_a_new_default_or_agent_token_starts_a_full_sync(api: Api) -> None:
    """What was refused to the old one may be granted to it."""
    token = api.grant(RIGHTS)
    for name, starts in (("dns", False), ("agent", True), ("agent", False), ("default", True)):
        schedule = api.agent.syncer.schedule
        schedule.due(math.inf)  # one that was asked for before has run
        schedule.full_done(asyncio.get_running_loop().time(), ok=True)
        before = schedule.wake_at
        await api.put(f"/v1/agent/token/{name}", {"Token": "x"}, token)
        assert (schedule.wake_at != before) is starts, name


async def test_tokens_set_by_the_api_outlive_the_agent_where_that_is_wanted(tmp_path: Path, lines: list[str]) -> None:
    """In Consul's file, readable by its owner alone; the log tells what it overrides."""
    async with with_acls(CONFIGURED, **{"data-dir": str(tmp_path)}) as api:
        token = api.grant(RIGHTS)
        await api.put("/v1/agent/token/default", {"Token": "by-api"}, token)
        await api.put("/v1/agent/token/dns", {"Token": "dns-by-api"}, token)
    assert kept(tmp_path) == {"default": "by-api", "dns": "dns-by-api"}
    assert (tmp_path / "acl-tokens.json").stat().st_mode & 0o777 == 0o600
    async with with_acls(CONFIGURED, **{"data-dir": str(tmp_path)}) as api:
        tokens = api.agent.tokens
        assert (tokens.default, tokens.agent, tokens.dns) == ("by-api", "agent-from-file", "dns-by-api")
    warning = '"default" token present in both the configuration and persisted token store, using the persisted token'
    assert len([line for line in lines if warning in line]) == 1
    assert not [line for line in lines if "by-api" in line]


async def test_an_emptied_token_is_kept_no_longer(tmp_path: Path) -> None:
    """The configured one is back after a restart."""
    async with with_acls(CONFIGURED, **{"data-dir": str(tmp_path)}) as api:
        token = api.grant(RIGHTS)
        for value in ("by-api", ""):
            await api.put("/v1/agent/token/default", {"Token": value}, token)
        assert api.agent.tokens.default == ""
    assert kept(tmp_path) == {}


async def test_nothing_is_kept_unless_that_is_wanted(tmp_path: Path) -> None:
    """And a reload puts the configured tokens back."""
    hcl = CONFIGURED.replace("enable_token_persistence = true", "")
    async with with_acls(hcl, **{"data-dir": str(tmp_path)}) as api:
        await api.put("/v1/agent/token/default", {"Token": "by-api"}, api.grant(RIGHTS))
        assert api.agent.tokens.default == "by-api"
        await api.agent.reload()
        assert api.agent.tokens.default == "from-file"
    assert not (tmp_path / "acl-tokens.json").exists()


async def test_a_reload_may_begin_to_keep_tokens(tmp_path: Path) -> None:
    """From the next one on that the API sets."""
    (file := tmp_path / "more.hcl").touch()
    async with with_acls(**{"data-dir": str(tmp_path), "config-file": [str(file)]}) as api:
        file.write_text("acl { enable_token_persistence = true }")
        await api.agent.reload()
        await api.put("/v1/agent/token/default", {"Token": "by-api"}, api.grant(RIGHTS))
    assert kept(tmp_path) == {"default": "by-api"}


async def test_the_old_name_in_the_file_is_understood(tmp_path: Path) -> None:
    """Consul wrote ``agent_master`` until 1.11; it reads names in any letter case, and skips those it does not know."""
    (tmp_path / "acl-tokens.json").write_text('{"agent_master": "old", "DNS": "d", "other": 1}')
    async with with_acls(CONFIGURED, **{"data-dir": str(tmp_path)}) as api:
        assert (api.agent.tokens.agent_recovery, api.agent.tokens.dns) == ("old", "d")


async def test_a_file_that_cannot_be_read_leaves_the_configured_tokens(tmp_path: Path, lines: list[str]) -> None:
    """The log says so."""
    for text in ("{", "[]", '{"default": 1}', "\xff", '{"default": "x"} x'):
        (tmp_path / "acl-tokens.json").write_text(text, encoding="latin-1")
        async with with_acls(CONFIGURED, **{"data-dir": str(tmp_path)}) as api:
            assert api.agent.tokens.default == "from-file"
    told = [line for line in lines if "unable to load persisted tokens" in line]
    assert len(told) == 5 and "unexpected end of JSON input" in told[0]


async def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The token holds until the agent stops."""
    async with with_acls(CONFIGURED, **{"data-dir": str(tmp_path)}) as api:
        (tmp_path / "acl-tokens.json").mkdir()
        answer = await api.put("/v1/agent/token/default", {"Token": "by-api"}, api.grant(RIGHTS))
        assert (answer.status, answer.text.startswith("Failed to persist tokens - ")) == (500, True)
        assert api.agent.tokens.default == "by-api"


async def test_secrets_are_shown_nowhere(lines: list[str]) -> None:
    """Neither in the log nor in what an agent says of itself."""
    hcl = """
    acl { enabled = true tokens {
      initial_management = "s3cret-1" default = "s3cret-2" agent = "s3cret-3" agent_recovery = "s3cret-4"
      replication = "s3cret-5" config_file_service_registration = "s3cret-6" dns = "s3cret-7"
    } }
    """
    async with with_acls(hcl) as api:
        token = api.grant(RIGHTS)
        shown = await api.get("/v1/agent/self", token)
        assert shown.status == 200
        await api.get("/v1/agent/self?token=s3cret-8")
        await api.put("/v1/agent/token/agent", {"Token": "s3cret-9"}, token)
    assert "s3cret" not in shown.text
    assert not [line for line in lines if "s3cret" in line]


async def test_kept_answers_do_not_outlive_the_token_they_were_for(api: Api) -> None:
    """Of the HTTP door and of DNS."""
    replies, core = api.agent.listeners.front.replies, api.agent.dns.core
    before = replies.generation
    api.agent.tokens.update("default", "x")
    assert replies.generation > before
    assert (core.settings.token, api.agent.dns.core.settings.token) == ("", "x")
    api.agent.tokens.update("dns", "y")
    assert api.agent.dns.core.settings.token == "y"
    api.agent.tokens.update("dns", "")
    assert api.agent.dns.core.settings.token == "x"


def test_old_names_of_configured_tokens_still_work() -> None:
    """With a warning each; the new name wins."""
    hcl = """
    acl_datacenter = "dc1" acl_default_policy = "deny" acl_down_policy = "allow"
    acl_token = "1" acl_agent_token = "2" acl_agent_master_token = "3" acl_replication_token = "4"
    acl { tokens { master = "5" agent = "new" } }
    """
    found = load({"dev": True, "node": "here", "bind": "127.0.0.1", "hcl": [hcl]}, {})
    acl = found.runtime.acl
    assert (acl.enabled, acl.default_policy, acl.down_policy) == (True, "deny", "allow")
    tokens = acl.tokens
    assert (tokens.default, tokens.agent, tokens.agent_recovery, tokens.replication) == ("1", "new", "3", "4")
    assert tokens.initial_management == "5"
    assert "The 'acl_token' field is deprecated. Use the 'acl.tokens.default' field instead." in found.warnings
