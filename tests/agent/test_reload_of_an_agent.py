"""What a reload takes over, what it shows, and what it says when it fails."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pyconsul.agent.agent import Agent
from pyconsul.agent.http.agent_self import agent_self
from pyconsul.agent.http.request import Request
from pyconsul.config import ConfigError, load
from pyconsul.config.runtime import RuntimeConfig
from pyconsul.raft.durable import DurableVoter
from pyconsul.server.state.config_entry_reads import entry_named
from pyconsul.telemetry.logging import Level, Monitor

BASE = 'ports { http = -1 dns = -1 grpc = -1 grpc_tls = -1 } node_name = "n1"'


def configured(text: str) -> RuntimeConfig:
    """The configuration of an agent without doors, with something more; without a folder for it one for development."""
    return load({"dev": "data_dir" not in text, "hcl": [BASE, text]}, {}).runtime


class Reloadable:
    """A running agent whose file holds ``text``."""

    def __init__(self, always: str = "") -> None:
        self.text = ""
        self.agent = Agent(configured(always), lambda: configured(always + self.text))

    async def reload(self, text: str) -> None:
        """Change the file and reload."""
        self.text = text
        await self.agent.reload()

    async def shown(self, name: str) -> Any:
        """A member of ``DebugConfig`` in ``/v1/agent/self``."""
        path = "/v1/agent/self"
        reply = await agent_self(Request(self.agent, "GET", path, path, "pretty", {}, b"", "127.0.0.1:1"))
        return json.loads(reply.body(pretty=True))["DebugConfig"][name]


@pytest.fixture
async def running() -> AsyncIterator[Reloadable]:
    """An agent that leads."""
    found = Reloadable()
    await found.agent.start()
    yield found
    await found.agent.stop()


async def test_the_new_configuration_is_shown_as_a_whole(running: Reloadable) -> None:
    """Also what takes a restart to work, as Consul shows it; the agent goes on by the old value of that."""
    await running.reload('domain = "example" check_update_interval = "9s"')
    assert (await running.shown("DNSDomain"), await running.shown("CheckUpdateInterval")) == ("example", "9s")
    assert running.agent.config.domain == "consul."


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('service { name = "" }', 'Failed reloading services: Failed to register service "": Service name missing'),
        ('check { name = "c" ttl = "5s" service_id = "x" }', "Failed reloading checks: Failed to register check 'c'"),
        ('watches { type = "key" key = "a" }', "Failed reloading watches: watch plans require an HTTP"),
        ('recursors = ["x:y:z"]', "Failed reloading dns config : Invalid recursor address: address x:y:z: too many"),
        ('tls { https { ca_file = "/none" } }', "Failed reloading tls configuration: Error loading from /none: open"),
        ('datacenter = "a b"', "datacenter can only contain lowercase alphanumeric"),
    ],
)
async def test_a_reload_that_fails_says_at_what(running: Reloadable, text: str, error: str) -> None:
    """The configuration that is shown stays the old one."""
    with pytest.raises(ConfigError) as caught:
        await running.reload(f'recursors = ["9.9.9.9"] {text}' if "recursors" not in text else text)
    assert str(caught.value).startswith(error)
    assert await running.shown("DNSRecursors") == []


async def test_config_entries_of_the_file_are_written_by_a_reload(running: Reloadable) -> None:
    """Those that are there already stay as they are."""
    entries = 'config_entries { bootstrap { kind = "service-defaults" name = "web" protocol = "%s" } }'
    await running.reload(entries % "http")
    await running.reload(entries % "grpc")
    written: Any = entry_named(running.agent.server.db, "service-defaults", "web")
    assert written.Protocol == "http"


async def test_a_reload_changes_how_much_is_logged(running: Reloadable) -> None:
    """A level that there is not is told and changes nothing."""
    sink = Monitor(Level.DEBUG)
    running.agent.log_sinks.append(sink)
    await running.reload('log_level = "warn"')
    assert sink.level is Level.WARN
    await running.reload('log_level = "loud"')
    assert (sink.level, (await running.shown("Logging"))["LogLevel"]) == (Level.WARN, "warn")


async def test_a_reload_changes_when_the_log_is_cut_short(tmp_path: Path) -> None:
    """Zeros stand for the defaults, less than none for never; what is too often is refused and changes nothing."""
    on_disk = Reloadable(f'data_dir = "{tmp_path}" server = true bootstrap_expect = 1 bind_addr = "127.0.0.1" ')
    await on_disk.agent.start()
    voter = on_disk.agent.server.consensus
    assert isinstance(voter, DurableVoter)
    try:
        await voter.barrier()
        assert not await voter.snapshot_if_due()
        await on_disk.reload("raft_snapshot_threshold = 1 raft_trailing_logs = 7")
        assert await voter.snapshot_if_due()
        for text in ("raft_snapshot_threshold = 0", "raft_snapshot_threshold = -1"):
            await on_disk.reload(text)
            assert not await voter.snapshot_if_due()
        with pytest.raises(ConfigError, match=r"^SnapshotInterval is too low$"):
            await on_disk.reload('raft_snapshot_threshold = 1 raft_snapshot_interval = "4ms"')
        assert not await voter.snapshot_if_due()
    finally:
        await on_disk.agent.stop()


async def test_a_reload_says_whether_the_cache_has_other_limits(running: Reloadable) -> None:
    """As Consul does, each time."""
    monitor = Monitor(Level.DEBUG)
    monitor.start()
    await running.reload("")
    await running.reload("cache { entry_fetch_rate = 5 }")
    monitor.stop()
    told = [line.partition(" ")[2] for line in monitor.take().splitlines() if "Cache" in line]
    assert told == [
        "[DEBUG] agent: Cache options have not been modified",
        "[INFO]  agent: Cache options have been updated",
    ]


async def test_a_reload_says_that_the_request_limits_are_the_same(running: Reloadable) -> None:
    """As Consul does: compared with the last reload, so the first says nothing."""
    monitor = Monitor(Level.WARN)
    monitor.start()
    await running.reload("")
    await running.reload('limits { request_limits { mode = "permissive" } }')
    assert monitor.take() == ""
    await running.reload('limits { rpc_rate = 5 request_limits { mode = "permissive" } }')
    monitor.stop()
    assert "agent.server.rpc-rate-limit: UpdateConfig called but configuration has not changed.  " in monitor.take()


async def test_a_changed_file_alone_switches_no_safeguards_off(running: Reloadable) -> None:
    """The log tells how to; whoever asks for the reload gets it."""
    monitor = Monitor(Level.WARN)
    running.text = "encrypt_verify_incoming = false"
    monitor.start()
    await running.agent.reload(unasked=True)
    monitor.stop()
    told = 'StaticRuntimeConfig="{true true}" StaticRuntimeConfig From file="{false true}"\n'
    assert f"apply these changes.: {told}" in monitor.take()
    assert (await running.shown("StaticRuntimeConfig"))["EncryptVerifyIncoming"] is True
    await running.agent.reload()
    assert (await running.shown("StaticRuntimeConfig"))["EncryptVerifyIncoming"] is False
