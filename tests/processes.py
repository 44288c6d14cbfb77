"""Tools as processes in a folder, with few variables of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.waiting import LIMIT, until

Start = Callable[..., subprocess.Popen[str]]


class ToolProcess:
    """Starts ``program``: a module, and the words that always stand before those of a test."""

    program: Sequence[str]
    ends_with = signal.SIGTERM

    def __init__(self, start_process: Start, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self._start = start_process
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **environment}

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """A process that goes on."""
        return self._start(
            [sys.executable, "-m", *self.program, *words],
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

    def end(self, process: subprocess.Popen[str], number: int = 0) -> tuple[int, str]:
        """Exit status and errors after a signal."""
        process.send_signal(number or self.ends_with)
        _, err = process.communicate(timeout=LIMIT)
        return process.returncode, err

    def read(self, name: str = "log") -> str:
        """A file's text, "" while it does not exist."""
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def comes(self, text: str, name: str = "log") -> None:
        """Wait until a file has exactly this text."""
        until(lambda: self.read(name) == text, lambda: f"{name}: {self.read(name)!r}")
