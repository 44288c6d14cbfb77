"""The page about the SDK is true: its Python runs, block after block."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from pyconsul.testing import InProcessAgent

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sdk.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
# What would take too long, or for ever, and what it is here.
SHORTER = {"    print(reply.value)": "    print(reply.value); break", "timeout=10": "timeout=0.01"}


def program_of(blocks: list[str], address: str) -> str:
    """All blocks as one coroutine function, ``main``; the page's agent is the one at ``address``."""
    first, *others = blocks
    text = "\n".join([first, "consul = AsyncClient()", *others]).replace("10.0.0.7:8500", address)
    for long, short in SHORTER.items():
        assert long in text
        text = text.replace(long, short)
    return f"async def main(step):\n{indent(text, '    ')}\n    await consul.aclose()"


@pytest.fixture
def agent(consul_agent: InProcessAgent, monkeypatch: pytest.MonkeyPatch) -> InProcessAgent:
    """The agent that the variables name, with the service of the page."""
    monkeypatch.setenv("CONSUL_HTTP_ADDR", consul_agent.http_address)
    consul_agent.client.agent.register_service({"Name": "web", "Port": 80, "Check": {"TTL": "30s"}})
    return consul_agent


async def test_the_python_of_the_page_runs(agent: InProcessAgent) -> None:
    """In order, as one program; behind the first block, which closes its own clients, with another one."""
    names: dict[str, Any] = {}
    exec(program_of(BLOCKS, agent.http_address), names)

    async def step() -> None:
        await asyncio.to_thread(agent.client.kv.delete, "jobs/nightly")  # which loses the lock

    async with asyncio.timeout(60):
        await names["main"](step)
    assert agent.client.session.list() == []
    (check,) = agent.client.health.checks("web")
    assert check.Status == "critical"
