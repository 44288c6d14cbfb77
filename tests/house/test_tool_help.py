"""The help of the programs: asked for in any spelling, complete, and made for a terminal of 80 columns."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from pyconsul.cli.help import command_help
from pyconsul.cli.registry import COMMANDS

PROGRAMS = sorted(found.name for found in entry_points(group="console_scripts") if found.value.startswith("pyconsul"))


def said(program: str, *words: str) -> str:
    """What a program prints with these words. Raises CalledProcessError, also where it fails."""
    command = [str(Path(sys.executable).parent / program), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_has_the_same_answer_in_every_spelling(program: str) -> None:
    """Both with one dash and with two, as everywhere in Go."""
    assert said(program, "-h") == said(program, "-help") == said(program, "--help") != ""


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_fits_into_80_columns(program: str) -> None:
    """No line of a help is broken by a terminal of the usual width."""
    assert [line for line in said(program, "-h").splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_prose_of_a_command_fits_into_80_columns(name: str) -> None:
    """So does what each command says of itself; the usage and what is typed stand on one line, whatever its width."""
    lines = command_help(name).splitlines()
    assert [line for line in lines[1:] if len(line) > 80 and not line.startswith("      ")] == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_tells_how_to_ask_for_the_version(program: str) -> None:
    """And the version is what then comes."""
    assert "-version" in said(program, "-h")
    assert said(program, "-version") == said(program, "--version") != ""
