"""What a start must not pay for: large libraries are imported by whoever needs them, when he does."""

from __future__ import annotations

import subprocess
import sys

AGENT = "import pyconsul.agent.command, pyconsul.agent.agent, pyconsul.config.loading"
COMMAND_LINE = "import pyconsul.cli.main"


def _imported(program: str) -> set[str]:
    code = f"import sys; {program}; print(*sys.modules)"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_an_agent_starts_without_libraries_that_few_of_its_requests_need() -> None:
    """HTTP client, certificates, HTTP/2, templates, entry points: each costs 5 to 200 ms."""
    late = {"aiohttp", "cryptography.x509", "h2", "jinja2", "importlib.metadata", "pyconsul.lang.gotemplate.template"}
    assert _imported(AGENT) & (late | {"pyconsul.lang.hil"}) == set()


def test_the_command_line_starts_with_next_to_nothing() -> None:
    """Commands import what they need; ``version`` needs neither asyncio nor msgspec."""
    assert _imported(COMMAND_LINE) & {"asyncio", "msgspec", "pyconsul.sdk", "pyconsul.agent", "json"} == set()
