"""The figures that an agent declares are Consul's, and what is missing is documented with its reason."""

import csv
import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

import pyconsul.agent.agent
from pyconsul.agent.http import route_figures
from pyconsul.server import measuring
from pyconsul.server.fsm import timings
from pyconsul.telemetry.metrics import current

ROOT = Path(__file__).parents[2]
NAMES = ROOT.parent / "shared" / "spec" / "metrics.tsv"
PAGE = ROOT / "docs" / "telemetry.md"
UNDERSCORES = str.maketrans("-.", "__")
# With another host name's place, or of our own: the table has them as gauges with the host in their names.
OTHERS = {"runtime_loop_lag"}


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
    assert pyconsul.agent.agent  # which imports all that declares
    return {name.translate(UNDERSCORES): kind for name, kind in current().declared.items()}


def late() -> set[str]:
    """Names without prefix of what an agent shows once it happened, as Consul does."""
    counters = [name for route in route_figures.LATE for name in route_figures.names_of(route)]
    return {name.translate(UNDERSCORES) for name in (*measuring.LATE, *timings.LATE, *counters)}


def excused() -> list[str]:
    """The patterns of the page's table."""
    table = PAGE.read_text().partition("## What is not shown")[2]
    return [pattern for row in re.findall(r"^\| (.+?) \| ", table, re.M) for pattern in re.findall("`([^`]+)`", row)]


def test_declared_names_and_types_are_consuls(recorded: dict[str, str]) -> None:
    """Nothing is invented but what the page says is ours."""
    # Declarations live as long as the process: a test elsewhere that applied an entry without kind leaves a name open.
    ours = {name: kind for name, kind in declared().items() if name not in OTHERS and not name.endswith("_")}
    assert {name: kind for name, kind in ours.items() if recorded.get(name) != kind} == {}


def test_a_name_with_an_open_part_is_not_declared() -> None:
    """It is there once the part is known."""
    assert [name for name in declared() if not name.isidentifier()] == []


def test_late_names_are_not_there_at_zero() -> None:
    """They are those that Consul does not show before the first event."""
    assert set(declared()) & {"config_entry_apply", "fsm_acl_role", "client_api_operator_usage"} == set()
    assert {"config_entry_apply", "fsm_acl_role", "client_api_operator_usage"} <= late()


def test_what_is_missing_is_on_the_page(recorded: dict[str, str]) -> None:
    """Every name that is not shown has a row with its reason."""
    missing = set(recorded) - set(declared()) - late()
    patterns = excused()
    assert [name for name in sorted(missing) if not any(fnmatchcase(name, p) for p in patterns)] == []
