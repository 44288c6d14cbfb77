"""Running the tool as a process."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import Start, ToolProcess


class Tool(ToolProcess):
    """``py-envconsul``."""

    program = ("pyconsul_envconsul.main",)
    ends_with = signal.SIGINT

    def script(self, name: str, text: str) -> str:
        """A script that can be run; what to run is returned."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)
        return f"./{name}"


MakeTool = Callable[..., Tool]


@pytest.fixture
def make_tool(start_process: Start, tmp_path: Path) -> MakeTool:
    """Makes tools with variables."""

    def make(**environment: str) -> Tool:
        return Tool(start_process, tmp_path, environment)

    return make


@pytest.fixture
def tool(make_tool: MakeTool, request: pytest.FixtureRequest) -> Tool:
    """The tool with an agent."""
    return make_tool(**request.getfixturevalue("consul_agent").environment)
