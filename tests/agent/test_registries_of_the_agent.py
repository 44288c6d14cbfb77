"""What is registered is whole: routes with their documentation and tests, modules with their line in the families."""

import re
from pathlib import Path

import pytest

from pyconsul.agent.http import families as http_families
from pyconsul.server import families as server_families

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "http-api.md").read_text(encoding="utf-8")
AGENT_HTTP = ROOT / "core" / "pyconsul" / "agent" / "http"
SERVER = ROOT / "core" / "pyconsul" / "server"


def shown(pattern: str) -> str:
    """A route's pattern as the documentation writes it."""
    return pattern.replace("...}", "}")


@pytest.mark.parametrize("pattern", sorted(http_families.router().routes))
def test_every_route_stands_in_the_documentation(pattern: str) -> None:
    """With each of its methods, in a row of a table."""
    route = http_families.router().routes[pattern]
    rows = [line for line in PAGE.splitlines() if f"`{shown(pattern)}`" in line]
    assert rows, f"{pattern} has no row in docs/http-api.md"
    for method in route.allow[1:]:
        assert any(re.search(rf"\b{method}\b", row) for row in rows), f"{method} {pattern}"


def test_the_documentation_names_no_route_that_is_not_there() -> None:
    """A route that went takes its row with it."""
    known = {shown(pattern) for pattern in http_families.router().routes}
    named = set(re.findall(r"^\| [A-Z, ]+ \| `(/[^`]*)`", PAGE, re.MULTILINE))
    assert named <= known, named - known


def modules_with(folder: Path, marker: str) -> set[str]:
    """Modules of a folder that use a decorator."""
    return {path.stem for path in folder.glob("*.py") if re.search(rf"^{marker}\(", path.read_text(), re.MULTILINE)}


def test_every_module_with_routes_is_a_family() -> None:
    """Else its routes would not be there."""
    listed = {module.__name__.rpartition(".")[2] for module in http_families.MODULES}
    assert modules_with(AGENT_HTTP, "@route") <= listed


@pytest.mark.parametrize(("folder", "marker"), [("endpoints", "@rpc"), ("fsm", "@applies")])
def test_every_module_of_the_server_is_a_family(folder: str, marker: str) -> None:
    """RPC methods and log entries register by being imported."""
    listed = {module.__name__ for module in server_families.MODULES}
    missing = {
        name for name in modules_with(SERVER / folder, marker) if f"pyconsul.server.{folder}.{name}" not in listed
    }
    assert not missing


def test_every_family_of_routes_is_asked_in_a_test() -> None:
    """The first two parts of each path stand in some test."""
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    later = {"/v1/acl", "/v1/config", "/v1/connect", "/v1/peering", "/v1/peerings", "/v1/exported-services"}
    families = {"/".join(p.split("/")[:3]) for p in http_families.router().routes if p.startswith("/v1/")}
    missing = {f for f in families - later if f + "/" not in tests and f'"{f}' not in tests and f not in tests}
    assert not missing
