"""The file with the process ID: written, removed, and what is said when that cannot be done."""

from __future__ import annotations

import logging
import os
import re
from pathlib import Path

import pytest

from pyconsul.toolkit import pid_file
from pyconsul.toolkit.errors import RunError

LOGGER = logging.getLogger("tests_pid_file")


def test_the_file_holds_the_process_while_it_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Just its number; it goes with the process, and nobody minds when it is gone already."""
    file = tmp_path / "pid"
    pid_file.store(str(file))
    assert file.read_text() == str(os.getpid())
    for _ in range(2):
        pid_file.remove(str(file), LOGGER)
    assert (file.exists(), caplog.messages) == (False, [])


def test_no_path_means_no_file(caplog: pytest.LogCaptureFixture) -> None:
    """Nor any word about it."""
    pid_file.store("")
    pid_file.remove("", LOGGER)
    assert caplog.messages == []


def test_a_file_that_cannot_be_written_ends_the_tool(tmp_path: Path) -> None:
    """Who asks for it needs it."""
    path = tmp_path / "none" / "pid"
    message = f"runner: could not open pid file: open {path}: no such file or directory"
    with pytest.raises(RunError, match=f"^{re.escape(message)}$"):
        pid_file.store(str(path))


def test_a_file_that_cannot_be_removed_is_only_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The tool is about to end anyway; a directory is told as one."""
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "pid"):
        pid_file.remove(str(path), LOGGER)
    assert caplog.messages == [
        f'could not remove pid at "{tmp_path}": runner: specified pid file path is directory',
        f'could not remove pid at "{tmp_path}/file/pid": not a directory',
    ]
