"""Running the watch tool as a process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Start, ToolProcess


class WatchTool(ToolProcess):
    """``py-consul-watch`` with a configuration file."""

    program = ("pyconsul_watch.main", "-config", "w.json")

    def configure(self, *watches: dict[str, Any], **settings: Any) -> None:
        """Write the configuration; retries are quick unless it says else."""
        retry = {"backoff": "20ms", "max_backoff": "50ms"}
        whole = {"retry": retry, "watches": list(watches), **settings}
        (self.folder / "w.json").write_text(json.dumps(whole))


@pytest.fixture
def tool(start_process: Start, tmp_path: Path, request: pytest.FixtureRequest) -> WatchTool:
    """The tool with an agent."""
    return WatchTool(start_process, tmp_path, request.getfixturevalue("consul_agent").environment)
