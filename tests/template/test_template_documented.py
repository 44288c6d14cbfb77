"""The page and the examples of the template tool."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pyconsul.testing import InProcessAgent
from pyconsul_template.arguments import options
from pyconsul_template.config import SCHEMA, TEMPLATE
from pyconsul_template.functions import registry
from pyconsul_template.lint import run as lint
from pyconsul_template.main import main

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples/template"


def test_the_page_has_every_option_key_and_function() -> None:
    """In the words of the help text."""
    page = (ROOT / "docs/tools/template.md").read_text()
    words = set(re.findall(r"\w+", page))
    missing = [flag for flag, what in options() if f"| `-{flag}` | {what} |" not in page]
    missing += [key for key in (*SCHEMA, *TEMPLATE) if key not in words]
    missing += [name for name in registry.load() if f"`{name}`" not in page]
    assert missing == []


@pytest.fixture
def shop(consul_agent: InProcessAgent) -> str:
    """The address of an agent with the shop's keys and a storefront."""
    for key, value in json.loads((ROOT / "examples/ecommerce/kv.json").read_text()).items():
        consul_agent.client.kv.put(key, value)
    consul_agent.client.agent.register_service({"Name": "storefront", "Address": "10.1.1.1", "Port": 8080})
    return consul_agent.http_address


def test_the_examples_render(shop: str, tmp_path: Path, capfd: Any) -> None:
    """Both dialects, against an agent."""
    haproxy, ini = tmp_path / "haproxy.cfg", tmp_path / "shop.ini"
    sources = (f"{EXAMPLES}/haproxy.cfg.tpl:{haproxy}", f"{EXAMPLES}/shop.ini.j2:{ini}")
    flags = [f"-template={source}" for source in sources]
    assert main(["-once", f"-consul-addr={shop}", *flags]) == 0, capfd.readouterr().err
    assert "# 1 storefronts in staging\n" in haproxy.read_text()
    assert "  server storefront 10.1.1.1:8080 check\n" in haproxy.read_text()
    assert "addresses = 10.1.1.1:8080\n" in ini.read_text()
    assert re.search(r"^port = \d+$", ini.read_text(), re.MULTILINE)


def test_the_example_configuration_has_no_mistakes(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """The linter reads it with its templates."""
    import sys

    monkeypatch.chdir(ROOT)
    assert lint(["-config", "examples/template/template.hcl"], sys.stdout.write, sys.stderr) == 0
    assert capsys.readouterr().out == "2 templates checked, 0 problems\n"
