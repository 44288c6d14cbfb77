"""What the command line of a real Consul 1.21 says, to some 250 uses of it, right ones and wrong (``commands.json``).

A row has the words, the standard input, and what came: exit status, output and errors. ``N``, ``UUID`` and ``TIME``
stand for what is new each time. The rows of a family run in order against one agent, so that a later one meets what an
earlier one made.
"""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pyconsul.cli.console import Console
from pyconsul.cli.main import main
from pyconsul.testing import InProcessAgent

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "commands.json").read_text(encoding="utf-8"))
NEW_EACH_TIME = (
    (re.compile(r'"(CreateIndex|ModifyIndex|LockIndex)": \d+'), r'"\1": N'),
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+-]\d\d:\d\d)"), "TIME"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "UUID"),
    (re.compile(r"py-consul"), "consul"),
)


def plain(text: str) -> str:
    """A text without what is new each time."""
    for pattern, stand_in in NEW_EACH_TIME:
        text = pattern.sub(stand_in, text)
    return text


def ran(agent: InProcessAgent, words: list[str], stdin: str) -> tuple[int, str, str]:
    """Exit status, output and errors of a command line."""
    out, err = io.BytesIO(), io.BytesIO()
    environment = {
        "PATH": "/usr/bin:/bin",
        "CONSUL_HTTP_ADDR": agent.http_address,
        "CONSUL_HTTP_TOKEN": agent.management_token,
    }
    status = main(tuple(words), Console(out, err, io.BytesIO(stdin.encode()), environment))
    return status, plain(out.getvalue().decode()), plain(err.getvalue().decode())


@pytest.mark.parametrize("family", RECORDED["families"])
def test_commands_do_and_say_what_consuls_do(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit status, output and errors alike."""
    for name, text in RECORDED["files"].items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    with InProcessAgent(acl=True, node="here") as agent:
        for words, stdin, *wanted in RECORDED["families"][family]:
            assert list(ran(agent, words, stdin)) == wanted, words
