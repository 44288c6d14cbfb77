"""The examples of the SDK run as they stand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyconsul.testing import InProcessAgent

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "sdk"
OUTPUT = {"discover.py": ["healthy: shop-1 8001", "color: red"], "one_at_a_time.py": ["counted: 5"]}


def test_every_example_is_tried() -> None:
    """A new one needs its row."""
    assert {path.name for path in EXAMPLES.glob("*.py")} == OUTPUT.keys()


@pytest.mark.parametrize("name", sorted(OUTPUT))
def test_an_example_runs(name: str, consul_agent: InProcessAgent) -> None:
    """Against a fresh agent, found by its environment variable; nothing is left behind."""
    env = {**os.environ, **consul_agent.environment}
    run = subprocess.run([sys.executable, EXAMPLES / name], env=env, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert [line for line in OUTPUT[name] if line not in run.stdout.splitlines()] == []
    assert consul_agent.client.kv.keys() == []
