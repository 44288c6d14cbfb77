"""Running the tool as a process, and waiting for what it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., subprocess.Popen[str]]
LIMIT = 60.0  # seconds anything here may take


class Tool:
    """Starts ``py-envconsul`` in a folder, with few variables of its own."""

    def __init__(self, start_process: Start, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._start = start_process
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """A process that goes on."""
        return self._start(
            [sys.executable, "-m", "pyconsul_envconsul.main", *words],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, **environment: str) -> tuple[int, str, str]:
        """Exit status, output and errors of a run to the end."""
        process = self.start(*words, **environment)
        out, err = process.communicate(timeout=LIMIT)
        return process.returncode, out, err

    def end(self, process: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[int, str]:
        """Exit status and errors after a signal."""
        process.send_signal(number)
        _, err = process.communicate(timeout=LIMIT)
        return process.returncode, err

    def comes(self, name: str, text: str) -> None:
        """Wait until a file has exactly this text."""
        path = self.folder / name
        until(
            lambda: path.exists() and path.read_text() == text,
            lambda: f"{name}: {path.exists() and path.read_text()!r}",
        )

    def script(self, name: str, text: str) -> str:
        """A script that can be run; what to run is returned."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)
        return f"./{name}"


def until(claim: Callable[[], bool], otherwise: Callable[[], str] = lambda: "it never came true") -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + LIMIT
    while not claim():
        if time.monotonic() > deadline:
            pytest.fail(otherwise())
        time.sleep(0.02)


@pytest.fixture
def make_tool(start_process: Start, tmp_path: Path) -> Callable[..., Tool]:
    """Makes tools with variables."""

    def make(**environment: str) -> Tool:
        return Tool(start_process, tmp_path, environment)

    return make


@pytest.fixture
def tool(make_tool: Callable[..., Tool], request: pytest.FixtureRequest) -> Tool:
    """The tool with an agent."""
    return make_tool(**request.getfixturevalue("consul_agent").environment)
