"""A server that was away for longer than ``server_rejoin_age_max`` does not come back with its old data."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pyconsul.agent.last_seen import LastSeen
from pyconsul.config import load
from pyconsul.config.runtime import RuntimeConfig

DAY = 86_400
NOW = 20_000 * DAY


def settings(folder: Path, hcl: str = "", **flags: bool) -> RuntimeConfig:
    """A server's configuration over this data directory."""
    mode = flags or {"server": True, "bootstrap": True}
    return load({"bind": "127.0.0.1", "data-dir": str(folder), "hcl": [hcl], **mode}, {}).runtime


def noted(folder: Path) -> int:
    """The note that is there."""
    return json.loads((folder / "server_metadata.json").read_bytes())["last_seen_unix"]


def seen(folder: Path, days_ago: float) -> LastSeen:
    """A server that comes back after so many days."""
    (folder / "server_metadata.json").write_text(json.dumps({"last_seen_unix": int(NOW - days_ago * DAY)}))
    return LastSeen(settings(folder, 'server_rejoin_age_max = "72h"'), lambda: NOW)


def test_a_server_comes_back_in_time(tmp_path: Path) -> None:
    """The first start has no note to go by."""
    LastSeen(settings(tmp_path), lambda: NOW).check()
    seen(tmp_path, days_ago=2.9).check()


def test_a_server_that_was_away_too_long_is_refused(tmp_path: Path) -> None:
    """Members may have been removed and data restored in between."""
    with pytest.raises(ValueError, match=r"offline for more than the configured server_rejoin_age_max \(72h0m0s\)"):
        seen(tmp_path, days_ago=3.1).check()


def test_a_note_that_says_nothing_is_no_permission(tmp_path: Path) -> None:
    """Damage is told, not taken for a first start."""
    (tmp_path / "server_metadata.json").write_text("junk")
    with pytest.raises(
        ValueError, match=r"^error reading server metadata: invalid character 'j' looking for beginning"
    ):
        LastSeen(settings(tmp_path)).check()


async def test_a_running_server_keeps_the_note(tmp_path: Path, skip_time: Callable[[float], None]) -> None:
    """From the start, and every hour."""
    now = NOW
    running = LastSeen(settings(tmp_path), lambda: now)
    await running.start()
    assert noted(tmp_path) == NOW
    await asyncio.sleep(0)  # the hour begins
    now += 3600
    skip_time(3600)
    async with asyncio.timeout(10):
        while noted(tmp_path) != now:  # noqa: ASYNC110  a file tells nobody that it was written
            await asyncio.sleep(0)
    running.stop()


async def test_in_dev_mode_nothing_is_noted(tmp_path: Path) -> None:
    """Data directory or not."""
    running = LastSeen(settings(tmp_path, dev=True), lambda: NOW)
    await running.start()
    assert not os.listdir(tmp_path)
