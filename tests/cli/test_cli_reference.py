"""The reference page is made from the commands, and is current."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from pyconsul.cli.registry import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """The script that writes the page."""
    spec = importlib.util.spec_from_file_location("reference_cli", ROOT / "scripts" / "reference_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current(script: ModuleType) -> None:
    """After a change of a command, ``scripts/reference_cli.py`` must be run."""
    assert script.main(["--check"]) == 0


def test_every_command_is_on_the_page(script: ModuleType) -> None:
    """Each command has a section, or stands among those to come."""
    text = script.page()
    assert [name for name in COMMANDS if f"`{name}`" not in text] == []
