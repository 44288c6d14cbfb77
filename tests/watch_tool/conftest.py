"""Running the watch tool as a process, and waiting for what its handlers do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Start = Callable[..., subprocess.Popen[str]]
LIMIT = 60.0  # seconds anything here may take


class WatchTool:
    """Starts ``py-consul-watch`` with a configuration file in a folder."""

    def __init__(self, start_process: Start, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._start = start_process
        self.environment = {"PATH": os.environ["PATH"], **environment}

    def configure(self, *watches: dict[str, Any], **settings: Any) -> None:
        """Write the configuration; retries are quick unless it says else."""
        retry = {"backoff": "20ms", "max_backoff": "50ms"}
        whole = {"retry": retry, "watches": list(watches), **settings}
        (self.folder / "w.json").write_text(json.dumps(whole))

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """A process that goes on."""
        return self._start(
            [sys.executable, "-m", "pyconsul_watch.main", "-config", "w.json", *words],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        """Exit status, output and errors of a run to the end."""
        process = self.start(*words)
        out, err = process.communicate(timeout=LIMIT)
        return process.returncode, out, err

    def end(self, process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str]:
        """Exit status and errors after a signal."""
        process.send_signal(number)
        _, err = process.communicate(timeout=LIMIT)
        return process.returncode, err

    def read(self, name: str = "log") -> str:
        """A file's text, "" while it does not exist."""
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def comes(self, text: str, name: str = "log") -> None:
        """Wait until a file has exactly this text."""
        until(lambda: self.read(name) == text, lambda: f"{name}: {self.read(name)!r}")


def until(claim: Callable[[], bool], otherwise: Callable[[], str] = lambda: "it never came true") -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + LIMIT
    while not claim():
        if time.monotonic() > deadline:
            pytest.fail(otherwise())
        time.sleep(0.02)


@pytest.fixture
def tool(start_process: Start, tmp_path: Path, request: pytest.FixtureRequest) -> WatchTool:
    """The tool with an agent."""
    return WatchTool(start_process, tmp_path, request.getfixturevalue("consul_agent").environment)
