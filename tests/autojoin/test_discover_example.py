"""The example provider, the example configuration and the reference page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from pyconsul.config.loading import load
from pyconsul.lang.joinstring import parse_settings

ROOT = Path(__file__).resolve().parents[2]


def output_of(*words: str) -> str:
    """What a program of the repository says."""
    return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_example_provider_finds_the_servers() -> None:
    """Run by itself it prints the servers of the file beside it."""
    assert output_of("examples/discover/inventory.py") == "10.0.0.11 10.0.0.12\n"


def test_the_example_configuration_is_read() -> None:
    """The agent takes the file, and its look-up is a good string."""
    config = load({"dev": True, "config-file": [str(ROOT / "examples" / "discover" / "agent.hcl")]}).runtime
    assert parse_settings(config.retry_join[0])["provider"] == "aws"
    assert (config.retry_join[1], config.retry_interval) == ("consul.example.com", 10_000_000_000)
