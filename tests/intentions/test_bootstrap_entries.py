"""``config_entries.bootstrap``: entries that come with the configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pyconsul.config import load
from pyconsul.config.errors import ConfigError
from pyconsul.server.state.config_entry_reads import entry_named
from tests.door import leading_agent


def settings_with(folder: Path, *entries: Any) -> dict[str, Any]:
    """Flags of a dev agent with these entries in its configuration."""
    file = folder / "entries.json"
    file.write_text(json.dumps({"config_entries": {"bootstrap": list(entries)}}))
    return {"dev": True, "node": "here", "bind": "127.0.0.1", "config-file": [str(file)]}


async def test_a_leader_writes_the_entries_of_its_configuration(tmp_path: Path) -> None:
    """With defaults filled in and a hash, as a client's write would have them."""
    flags = settings_with(tmp_path, {"kind": "service-defaults", "name": "web", "protocol": "HTTP"})
    async with leading_agent(**flags) as agent:
        found = entry_named(agent.server.db, "service-defaults", "web")
    assert found is not None
    assert (getattr(found, "Protocol"), bool(found.Hash)) == ("http", True)  # noqa: B009 -- one kind has it


@pytest.mark.parametrize("connect", [True, False])
async def test_intentions_come_along_where_there_is_a_mesh(tmp_path: Path, connect: bool) -> None:
    """Without one they would mean nothing: they are left out, and the others are written."""
    intentions = {"Kind": "service-intentions", "Name": "web", "Sources": [{"Name": "*", "Action": "deny"}]}
    flags = settings_with(tmp_path, intentions, {"Kind": "service-defaults", "Name": "web"})
    async with leading_agent(f"connect {{ enabled = {str(connect).lower()} }}", **flags) as agent:
        db = agent.server.db
        assert (entry_named(db, "service-intentions", "web") is not None) is connect
        assert entry_named(db, "service-defaults", "web") is not None


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"Name": "x"}, "config_entries.bootstrap[0]: Payload does not contain a kind/Kind key at the top level"),
        ({"Kind": "service-defaults"}, "config_entries.bootstrap[0]: Name is required"),
    ],
)
def test_entries_that_cannot_be_written_stop_the_start(tmp_path: Path, entry: Any, text: str) -> None:
    """The place is named."""
    with pytest.raises(ConfigError) as caught:
        load(settings_with(tmp_path, entry), {})
    assert text in str(caught.value)
