"""Every row of a registry has its module, a test that names it, and a line of documentation; every module has its row.

Commands, configuration keys, SDK methods and watch types have such tests in their rooms; those are not repeated here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, packages_distributions
from pathlib import Path
from types import ModuleType

import pytest

from pyconsul.agent.checks.probes import _MODULES as CHECK_MODULES  # pyright: ignore[reportPrivateUsage]
from pyconsul.agent.dns import core as _dns_core
from pyconsul.agent.dns.lookup import KINDS as DNS_KINDS
from pyconsul.agent.http import families as http_families
from pyconsul.config.keys import KEYS
from pyconsul.server import families as server_families
from pyconsul.server.fsm.registry import LOG_HANDLERS
from pyconsul.server.registry import METHODS
from pyconsul.structs.config_entries.kinds import KINDS as ENTRY_KINDS
from pyconsul.structs.messages import MessageType
from pyconsul_template.functions.registry import GROUPS, load

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "core" / "pyconsul"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ENTRY_POINTS = [
    EntryPoint(name, target, group)
    for group, rows in PROJECT["project"].get("entry-points", {}).items()
    for name, target in rows.items()
]
NOT_IMPORTED = ("all", "dev", "envoy")  # made of others; for the tests; for the mesh, which is to come
SCRIPTS = [EntryPoint(name, target, "console_scripts") for name, target in PROJECT["project"]["scripts"].items()]


@cache
def text_of(*places: str, ending: str = ".py") -> str:
    """All files below these folders, one behind the other."""
    files = (path for place in places for path in sorted((ROOT / place).rglob(f"*{ending}")))
    return "\n".join(path.read_text("utf-8") for path in files if path != Path(__file__).resolve())


def modules_below(folder: Path, having: str) -> set[str]:
    """The names of the modules there whose text has this in it."""
    return {path.stem for path in folder.glob("*.py") if having in path.read_text("utf-8")}


def names_of(modules: Iterable[ModuleType]) -> set[str]:
    """The last part of the names of these modules."""
    return {module.__name__.rpartition(".")[2] for module in modules}


# Each registry knows its modules


def test_every_module_with_routes_is_a_family() -> None:
    """A route that nobody imports is not there."""
    assert modules_below(CORE / "agent/http", "\n@route(") <= names_of(http_families.MODULES)


def test_every_module_with_rpc_methods_or_log_entries_is_a_family() -> None:
    """Nor is an RPC method, or the handler of a log entry."""
    wanted = modules_below(CORE / "server/endpoints", "\n@rpc(") | modules_below(CORE / "server/fsm", "\n@applies(")
    assert wanted <= names_of(server_families.MODULES)


def test_every_check_module_has_its_row() -> None:
    """And every row its module."""
    assert set(CHECK_MODULES.values()) == modules_below(CORE / "agent/checks", "\n@check_kind(")


def test_every_dns_module_is_imported() -> None:
    """A kind of name that is not imported is not found."""
    used = {path.rpartition(".")[2] for path in (finder.__module__ for finder in DNS_KINDS.values())}
    assert _dns_core and used == modules_below(CORE / "agent/dns", "\n@kind(")


def test_every_group_of_template_functions_has_its_row() -> None:
    """And every row its module."""
    folder = ROOT / "tools/template/pyconsul_template/functions"
    assert set(GROUPS) == modules_below(folder, "\n@function(") | (set(GROUPS) & modules_below(folder, "function("))


@pytest.mark.parametrize("point", [*ENTRY_POINTS, *SCRIPTS], ids=lambda point: f"{point.group}:{point.name}")
def test_every_entry_point_leads_somewhere(point: EntryPoint) -> None:
    """The object that pyproject.toml names is there."""
    found = import_module(point.module)
    assert not point.attr or getattr(found, point.attr)


def test_every_provider_storage_and_auth_method_has_its_entry_point() -> None:
    """A module that nothing points to could not be found by its name."""
    pointed = {point.module for point in ENTRY_POINTS}
    plugins = (
        ("pyconsul_autojoin.providers", ROOT / "tools/autojoin", "\n    async def addresses("),
        ("pyconsul_snapshot_agent.storage", ROOT / "tools/snapshot_agent", "\ndef open_storage("),
        ("pyconsul.acl.methods", ROOT / "core", "\ndef open_method("),
    )
    for package, root, opens in plugins:
        found = {f"{package}.{name}" for name in modules_below(root / package.replace(".", "/"), opens)}
        assert found == {module for module in pointed if module.startswith(package)}


def test_every_config_entry_kind_has_its_module() -> None:
    """A kind lives in a module of its own name, and is in the table."""
    found = modules_below(CORE / "structs/config_entries", '\n    kind: ClassVar[str] = "') - {"entry"}
    assert {entry.__module__.rpartition(".")[2] for entry in ENTRY_KINDS.values()} == found
    assert {kind.replace("-", "_") for kind in ENTRY_KINDS} == found


# Each row is tested


def untested(names: list[str], *, patterns: list[str] | None = None) -> list[str]:
    """Those that stand in no test, nor in what tests read."""
    tests = text_of("tests") + text_of("tests", ending=".json")
    looked = patterns or [re.escape(name) for name in names]
    return [name for name, pattern in zip(names, looked, strict=True) if not re.search(pattern, tests)]


def test_every_route_is_tested() -> None:
    """Its fixed part stands in a test; what waits for its capability is walked through by one for all."""
    later = import_module("pyconsul.agent.http.later")
    routes = [
        pattern
        for pattern, route in http_families.router().routes.items()
        if not all(handler.__module__ == later.__name__ for handler in route.handlers.values())
    ]
    fixed = [re.escape(pattern.partition("{")[0].rstrip("/")) + r"\b" for pattern in routes]
    assert untested(routes, patterns=fixed) == []


def test_every_rpc_method_is_used() -> None:
    """By a door or by a test; one that nothing calls would rot."""
    used = text_of("core/pyconsul/agent", "tests")
    assert [name for name in METHODS if f'"{name}"' not in used] == []


def test_every_log_entry_is_written_by_somebody() -> None:
    """Outside the module that handles it: an endpoint, the leader, or a transaction."""
    written = text_of("core/pyconsul/server/endpoints", "core/pyconsul/server/leader", "core/pyconsul/server/state")
    assert [MessageType(n).name for n in LOG_HANDLERS if f"MessageType.{MessageType(n).name}" not in written] == []


def test_every_template_function_is_tested() -> None:
    """A test calls it in a template, or names it."""
    names = sorted(load())
    assert all(name.isidentifier() for name in names)
    words = set(re.findall(r"(?<![\w.])\w+", text_of("tests")))
    assert [name for name in names if name not in words] == []


def test_every_config_entry_kind_is_tested() -> None:
    """By its name, in a test or in what the tests read."""
    assert untested([f'"{kind}"' for kind in ENTRY_KINDS]) == []


def test_every_provider_storage_and_auth_method_is_tested() -> None:
    """Its module, or its name in quotes, stands in a test of its room."""
    rooms = {
        "pyconsul.autojoin": "tests/autojoin",
        "pyconsul.snapshot_storage": "tests/snapshot_agent",
        "pyconsul.auth_method": "tests/acl_methods",
    }
    points = [point for point in ENTRY_POINTS if point.group in rooms]
    assert [
        point.name
        for point in points
        if not re.search(
            rf"{re.escape(point.module)}|import .*\b{point.module.rpartition('.')[2]}\b|[\"'=]{point.name}\b",
            text_of(rooms[point.group]),
        )
    ] == []


def test_every_dependency_is_imported_by_somebody() -> None:
    """Each package that is installed with the product, alone or by an extra, is asked for by its code."""
    project = PROJECT["project"]
    extras = {name: rows for name, rows in project["optional-dependencies"].items() if name not in NOT_IMPORTED}
    rows = [*project["dependencies"], *(row for extra in extras.values() for row in extra)]
    modules = {re.split(r"[\[>=;]", row)[0].lower(): list[str]() for row in rows}
    for module, distributions in packages_distributions().items():
        for distribution in distributions:
            modules.get(distribution.lower().replace("_", "-"), []).append(module)
    code = text_of("core", "tools")
    assert [
        name
        for name, tops in modules.items()
        if not any(re.search(rf"(?:import|from) {top}\b|[\"']{top}[\"'.]", code) for top in tops)
    ] == []


# Each row is documented


def test_every_dependency_is_on_its_page() -> None:
    """With a reason; the page names none that pyproject.toml does not."""
    project = PROJECT["project"]
    rows = [*project["dependencies"], *(row for extra in project["optional-dependencies"].values() for row in extra)]
    wanted = {re.split(r"[\[>=;]", row)[0] for row in rows} - {project["name"]}
    page = (ROOT / "docs/dependencies.md").read_text("utf-8")
    cells = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| ")]
    named = {name.strip() for cell in cells for name in cell[-2].split(",")}  # the last one says why
    assert named - {"package", "packages", "all extras"} == wanted


def undocumented(names: list[str], page: str) -> list[str]:
    """Those that the page does not have in code type."""
    code = " ".join(re.findall(r"`([^`\n]+)`", (ROOT / "docs" / page).read_text("utf-8")))
    words = {*code.split(), *re.findall(r"[\w-]+", code)}
    return [name for name in names if name not in words]


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("acl.md", [point.name for point in ENTRY_POINTS if point.group == "pyconsul.auth_method"]),
        ("checks.md", sorted(CHECK_MODULES)),
        ("dns.md", sorted(DNS_KINDS)),
        ("configuration.md", sorted({key.name for key in KEYS})),
        ("tools/discover.md", [point.name for point in ENTRY_POINTS if point.group == "pyconsul.autojoin"]),
        ("tools/snapshot-agent.md", [p.name for p in ENTRY_POINTS if p.group == "pyconsul.snapshot_storage"]),
        ("tools/template.md", sorted(load())),
    ],
    ids=["auth-methods", "checks", "dns", "configuration", "autojoin", "storages", "functions"],
)
def test_every_row_is_on_its_page(page: str, names: list[str]) -> None:
    """In code type, so that a reader finds it."""
    assert undocumented(names, page) == []
