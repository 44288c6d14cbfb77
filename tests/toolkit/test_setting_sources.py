"""Files and directories of settings that cannot be read, or only in parts."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.schema import Schema
from pyconsul.toolkit.sources import from_path

SCHEMA: Schema = {}


def complaint(path: Path) -> str:
    """What is said of it."""
    with pytest.raises(ConfigError) as caught:
        from_path(str(path), SCHEMA)
    return str(caught.value)


def test_a_link_in_a_directory_that_leads_nowhere_is_told(tmp_path: Path) -> None:
    """Every name in a directory of settings is meant to be read."""
    link = tmp_path / "a.hcl"
    link.symlink_to("none")
    assert complaint(tmp_path) == f"walk error: from file: {link}: open {link}: no such file or directory"


def test_links_to_directories_are_not_followed(tmp_path: Path) -> None:
    """They are read as files, which they are not."""
    (tmp_path / "in").mkdir()
    link = tmp_path / "in" / "b"
    link.symlink_to("..")
    assert complaint(tmp_path) == f"walk error: from file: {link}: read {link}: is a directory"


def test_what_is_not_there_is_told_from_what_cannot_be_looked_at(tmp_path: Path) -> None:
    """Here a file stands where a directory should."""
    (tmp_path / "file").touch()
    there, below = tmp_path / "none", tmp_path / "file" / "x"
    assert complaint(there) == f"missing file/folder: {there}: stat {there}: no such file or directory"
    assert complaint(below) == f"failed stating file: {below}: stat {below}: not a directory"


def test_pipes_are_no_settings(tmp_path: Path) -> None:
    """Their kind is told as Go shows it."""
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert re.fullmatch(r'unknown filetype: "prw-------"', complaint(tmp_path / "pipe"))
