"""The page, the example and the display of the watch tool."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from pyconsul.sdk.watch_plan import TYPES
from pyconsul.testing import InProcessAgent
from pyconsul_watch.arguments import options
from pyconsul_watch.config import SCHEMA
from tests.watch_tool.conftest import WatchTool

ROOT = Path(__file__).parents[2]


def test_the_page_has_every_option_key_and_type() -> None:
    """Options in the words of the help text."""
    page = (ROOT / "docs/tools/watch.md").read_text()
    missing = [flag for flag, what in options() if f"| `-{flag}` | {what} |" not in page]
    missing += [name for name in (*SCHEMA, *TYPES) if f"`{name}" not in page]
    assert missing == []


def test_the_example_runs(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """With the shop's keys."""
    settings = json.loads((ROOT / "examples/ecommerce/kv.json").read_text())
    for key, value in settings.items():
        consul_agent.client.kv.put(key, value)
    shutil.copy(ROOT / "examples/watch/watches.hcl", tool.folder / "w.json")
    assert tool.run("-once", "-state-file", "watch.state")[0] == 0
    assert json.loads(tool.read("environment.json"))["Key"] == "apps/ecommerce/environment"
    assert int(tool.read("settings.count")) == sum(key.startswith("apps/ecommerce/") for key in settings)


def test_a_terminal_shows_what_the_watches_do(
    tool: WatchTool, start_process: Callable[..., subprocess.Popen[bytes]]
) -> None:
    """One line, taken away at the end."""
    tool.configure({"type": "nodes", "id": "all-nodes", "handler": "cat > /dev/null"})
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "pyconsul_watch.main", "-config", "w.json"]
    process = start_process(command, cwd=tool.folder, env=tool.environment, stderr=theirs)
    os.close(theirs)
    shown = ""
    while "1 watches (1 waiting), 1 calls, last all-nodes at " not in shown:
        shown += os.read(ours, 4096).decode()
    process.terminate()
    assert process.wait(60) == 0
    assert os.read(ours, 4096).decode().endswith("\r\x1b[K")
    os.close(ours)
