"""The page and the example of the environment tool."""

from __future__ import annotations

import json
from pathlib import Path

from pyconsul.testing import InProcessAgent
from pyconsul_envconsul.arguments import options
from pyconsul_envconsul.config import PREFIX, SCHEMA, SERVICE
from tests.envconsul.conftest import Tool

ROOT = Path(__file__).parents[2]


def test_the_page_has_every_option_and_key() -> None:
    """In the words of the help text."""
    page = (ROOT / "docs/tools/envconsul.md").read_text()
    missing = [flag for flag, what in options() if f"| `-{flag}` | {what} |" not in page]
    missing += [key for key in (*SCHEMA, *PREFIX, *SERVICE) if key != "path" and key not in page]
    assert missing == []


def test_the_example_runs(tool: Tool, consul_agent: InProcessAgent) -> None:
    """With the shop's keys and a storefront."""
    for key, value in json.loads((ROOT / "examples/ecommerce/kv.json").read_text()).items():
        consul_agent.client.kv.put(key, value)
    consul_agent.client.agent.register_service({"Name": "storefront", "Address": "10.1.1.1", "Port": 8080})
    example = str(ROOT / "examples/envconsul/envconsul.hcl")
    status, out, _ = tool.run("-once", "-config", example, "echo $SHOP_ENVIRONMENT $STOREFRONT_HOST:$STOREFRONT_PORT")
    assert (status, out) == (0, "staging 10.1.1.1:8080\n")
