"""What pages show but nobody runs is possible at least: links lead somewhere, blocks can be read, commands exist."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyconsul.cli.command import flags_of, load
from pyconsul.cli.registry import COMMANDS
from pyconsul.lang import hcl

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s:]+)(?:#[^)]*)?\)")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
CALL = re.compile(r"^(?:\$ )?(?:py-)?consul ([a-z][^|;&#`\n]*)", re.MULTILINE)
TAKES_A_COMMAND = ("exec", "lock", "watch")  # what follows their flags is another program's

of_every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def blocks(page: Path, *kinds: str) -> Iterator[str]:
    """The blocks of these kinds."""
    return (text for kind, text in BLOCK.findall(page.read_text()) if kind in kinds)


def command_of(words: list[str]) -> str:
    """The longest command that the words begin with."""
    known = [" ".join(words[:count]) for count in range(1, len(words) + 1)]
    return max((name for name in known if name in COMMANDS), key=len, default="")


def unknown_flags(words: list[str]) -> list[str]:
    """Flags that the command of these words does not have; the words themselves where there is no such command."""
    name = command_of(words)
    command = load(name) if name else None
    if command is None:
        return words
    known = {flag.name for flag in flags_of(command)}
    given = [word.lstrip("-").partition("=")[0] for word in words if re.match(r"--?\w", word)]
    return [] if name in TAKES_A_COMMAND else [flag for flag in given if flag not in known]


@of_every_page
def test_links_lead_to_files(page: Path) -> None:
    """Whatever a page points to within the tree is there."""
    assert [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


@of_every_page
def test_commands_and_their_flags_exist(page: Path) -> None:
    """Each line of a shell block that calls Consul could be typed."""
    calls = [call.split() for block in blocks(page, "sh", "console") for call in CALL.findall(block)]
    assert [(words, unknown) for words in calls if (unknown := unknown_flags(words))] == []


@of_every_page
def test_blocks_can_be_read(page: Path) -> None:
    """Python, JSON and HCL have no faults of syntax, and what Python imports of ours exists."""
    for text in blocks(page, "python"):
        compile(text, str(page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        for line in re.findall(r"^(?:from|import) pyconsul.*", text, re.MULTILINE):
            exec(line, {})
    for text in blocks(page, "json"):
        json.loads(text)
    for text in blocks(page, "hcl"):
        hcl.parse(text)


def test_the_files_that_contributors_are_sent_to_exist() -> None:
    """Each path of CONTRIBUTING.md is there, with any name in place of ``<…>``."""
    paths = re.findall(r"`([\w.<>*-]+/[\w/.<>*-]*)`", (ROOT / "CONTRIBUTING.md").read_text())
    patterns = {path: re.sub(r"<\w+>", "*", path).rstrip("/") for path in paths}
    roots = (ROOT, ROOT / "core" / "pyconsul")
    assert patterns
    assert [path for path, pattern in patterns.items() if not any(any(root.glob(pattern)) for root in roots)] == []
