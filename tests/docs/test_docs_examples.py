"""The pages' ``console`` blocks are true: each command prints what the page says."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pyconsul.testing import InProcessAgent

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(page for page in (ROOT / "docs").rglob("*.md") if "```console" in page.read_text())
AGENT = re.compile(r"^<!-- agent: (.*) -->$", re.MULTILINE)  # configuration of the agent that a page is about
BLOCK = re.compile(r"^```console\n(.*?)^```", re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[tuple[str, str]]:
    """Each command of a page with the output that follows it."""
    found: list[tuple[str, str]] = []
    for block in BLOCK.findall(page.read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def configuration(page: Path) -> str:
    """What the agent of a page is started with, HCL."""
    return " ".join(AGENT.findall(page.read_text()))


def fits(expected: str, got: str) -> bool:
    """Whether an output is the expected one, with ``…`` standing for anything within a line."""
    pattern = ".*".join(re.escape(piece) for piece in expected.rstrip().split("…"))
    return re.fullmatch(pattern, got.rstrip()) is not None


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_what_its_commands_print(
    page: Path, make_consul_agent: Callable[..., InProcessAgent], tmp_path: Path
) -> None:
    """All commands of a page run in order, in one folder, against one agent."""
    agent = make_consul_agent(config=configuration(page))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {
        "PATH": path,
        "HOME": str(tmp_path),
        "CONSUL_HTTP_ADDR": agent.http_address,
    }
    for command, expected in commands(page):
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert fits(expected, done.stdout), f"{page.name}: $ {command}\n{done.stdout}{done.stderr}"


def test_every_page_stands_in_the_index() -> None:
    """docs/README.md names every page."""
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {page.name for page in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert not [page for page in sorted(pages) if f"({page})" not in index]


@pytest.mark.parametrize("script", sorted(path.name for path in (ROOT / "scripts").glob("reference_*.py")))
def test_a_page_that_is_made_from_a_registry_is_current(script: str) -> None:
    """Whoever changes a row runs ``make docs``, which runs each of these scripts."""
    command = [sys.executable, f"scripts/{script}"]
    done = subprocess.run([*command, "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"scripts/{script}\n" in (ROOT / "Makefile").read_text()


async def test_the_python_of_the_readme_runs(consul_agent: InProcessAgent, monkeypatch: pytest.MonkeyPatch) -> None:
    """The front page's program writes a key, takes a lock and prints the instances of a service."""
    consul_agent.client.agent.register_service({"Name": "web", "Port": 80})
    monkeypatch.setenv("CONSUL_HTTP_ADDR", consul_agent.http_address)
    found = re.search(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE)
    assert found is not None
    printed: asyncio.Queue[object] = asyncio.Queue()
    names: dict[str, Any] = {"print": printed.put_nowait, "__name__": "program"}
    exec(found[1], names)
    program = asyncio.create_task(names["main"]())
    shown: object = []
    async with asyncio.timeout(60):
        while shown != ["web"]:  # the catalog hears of the service a moment later
            shown = await printed.get()
    program.cancel()
    colour = consul_agent.client.kv.get("apps/x/colour")
    assert colour is not None and colour.Value == b"blue"
