"""What a start must not pay for: large libraries are imported by whoever needs them, when he does."""

from __future__ import annotations

import subprocess
import sys

AGENT = "import pyconsul.agent.command, pyconsul.agent.agent, pyconsul.config.loading"
COMMAND_LINE = "import pyconsul.cli.main"


def _imported(program: str) -> set[str]:
    return set(_printed(f"{program}; print(*sys.modules)").split())


def _printed(program: str) -> str:
    code = f"import sys; {program}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_an_agent_starts_without_libraries_that_few_of_its_requests_need() -> None:
    """HTTP client, certificates, HTTP/2, templates, entry points: each costs 5 to 200 ms."""
    libraries = {"aiohttp", "cryptography.x509", "h2", "jinja2", "importlib.metadata", "tempfile"}
    rooms = {"pyconsul.lang.gotemplate.template", "pyconsul.lang.hil", "pyconsul.sdk"}
    assert _imported(AGENT) & (libraries | rooms) == set()


def test_values_are_structs() -> None:
    """A dataclass is written and compiled as text when it is imported, which costs ten times what a struct does."""
    ours = "[m for n, m in sys.modules.items() if n.startswith('pyconsul')]"
    found = f"[k for m in {ours} for k, v in vars(m).items() if '__dataclass_fields__' in getattr(v, '__dict__', ())]"
    assert _printed(f"{AGENT}; print(*{found})") == ""


def test_the_command_line_starts_with_next_to_nothing() -> None:
    """Commands import what they need; ``version`` needs neither asyncio nor msgspec."""
    assert _imported(COMMAND_LINE) & {"asyncio", "msgspec", "pyconsul.sdk", "pyconsul.agent", "json"} == set()
