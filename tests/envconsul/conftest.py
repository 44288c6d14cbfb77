"""Running the tool as a process, and waiting for what it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

LIMIT = 20.0  # seconds anything here may take


class Tool:
    """Starts ``py-envconsul`` in a folder, with few variables of its own."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """A process that goes on."""
        process = subprocess.Popen(
            [sys.executable, "-m", "pyconsul_envconsul.main", *words],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

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
def make_tool(tmp_path: Path) -> Iterator[Callable[..., Tool]]:
    """Makes tools with variables; what they started is ended."""
    made: list[Tool] = []

    def make(**environment: str) -> Tool:
        made.append(Tool(tmp_path, environment))
        return made[-1]

    yield make
    for process in (process for tool in made for process in tool.started):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


@pytest.fixture
def tool(make_tool: Callable[..., Tool], request: pytest.FixtureRequest) -> Tool:
    """The tool with an agent."""
    return make_tool(**request.getfixturevalue("consul_agent").environment)
