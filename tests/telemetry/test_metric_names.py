"""The figures that an agent declares are Consul's, and what is missing is documented with its reason."""

import csv
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import pyconsul.agent.figures
from pyconsul.telemetry.metrics import current

ROOT = Path(__file__).parents[2]
NAMES = ROOT.parent / "shared" / "spec" / "metrics.tsv"
PAGE = ROOT / "docs" / "telemetry.md"
UNDERSCORES = str.maketrans("-.", "__")
# With another host name's place, or of our own: the table has them as gauges with the host in their names.
OTHERS = {"runtime_loop_lag", "config_entry_listAll", "client_api_success_service_virtual_ips"}


@pytest.fixture
def recorded() -> dict[str, str]:
    """Name without prefix → type, as Consul's agents have shown them; skips where the table is not at hand."""
    if not NAMES.exists():
        pytest.skip("no table of Consul's metrics beside the repository")
    with NAMES.open() as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["name"].startswith("consul_")]
    return {row["name"].removeprefix("consul_").removeprefix("<hostname>_"): row["type"] for row in rows}


def declared() -> dict[str, str]:
    """Name without prefix → type, of what an agent shows from the start."""
    assert pyconsul.agent.figures
    return {name.translate(UNDERSCORES): kind for name, kind in current().declared.items()}


def excused() -> list[str]:
    """The patterns of the page's table."""
    table = PAGE.read_text().partition("## What is not shown")[2]
    return [pattern for row in re.findall(r"^\| (.+?) \| ", table, re.M) for pattern in re.findall("`([^`]+)`", row)]


def test_declared_names_and_types_are_consuls(recorded: dict[str, str]) -> None:
    """Nothing is invented but what the page says is ours."""
    # Declarations live as long as the process: a test elsewhere that applied an entry without kind leaves a name open.
    ours = {name: kind for name, kind in declared().items() if name not in OTHERS and not name.endswith("_")}
    assert {name: kind for name, kind in ours.items() if recorded.get(name) != kind} == {}


def test_what_is_missing_is_on_the_page(recorded: dict[str, str]) -> None:
    """Every name that is not shown has a row with its reason."""
    missing = set(recorded) - set(declared())
    patterns = excused()
    assert [name for name in sorted(missing) if not any(fnmatchcase(name, p) for p in patterns)] == []
