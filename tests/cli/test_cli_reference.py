"""The reference page has all commands."""

from __future__ import annotations

from pathlib import Path

from pyconsul.cli.registry import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


def test_every_command_is_on_the_page() -> None:
    """Each command has a section, or stands among those to come."""
    text = (ROOT / "docs" / "cli.md").read_text()
    assert [name for name in COMMANDS if f"`{name}`" not in text] == []
