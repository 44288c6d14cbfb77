"""Every measure of ``bench/`` runs once with next to nothing, and the table says what was measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from bench import groups  # noqa: E402
from bench.load import Request, http_load  # noqa: E402
from bench.measures import MEASURES, Measure, Reading, Row  # noqa: E402
from bench.report import Line, Results, cells, line_of, table, with_earlier  # noqa: E402
from bench.session import chosen  # noqa: E402
from bench.trial import TINY, Programs, Trial  # noqa: E402


@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: f"{one.group}-{one.take.__name__}")
def test_a_measure_reads_something_for_its_rows(measure: Measure, tmp_path: Path) -> None:
    """With tiny parameters each measure of our own programs gives figures, never more than it has rows."""
    readings = measure.take(Trial(Programs(), TINY, tmp_path))
    assert 0 < len(readings) <= len(measure.rows)
    assert all(one is None or one.value == one.value for one in readings)


def test_every_group_has_its_place_in_the_table() -> None:
    """A measure of a group that is not in the order would never be shown."""
    assert {one.group for one in MEASURES} == set(groups.ORDER)


def test_one_group_or_a_part_of_it_can_be_chosen() -> None:
    """``--only dev`` takes the group, ``--only dev/txn`` the measure with that text in a row."""
    assert {one.group for one in chosen(["dns"])} == {"dns"}
    assert [one.take.__name__ for one in chosen(["dev/txn"])] == ["txn_put"]


def test_load_that_is_refused_is_no_figure(tmp_path: Path) -> None:
    """Answers without success end a measure instead of counting as requests."""
    with Trial(Programs(), TINY, tmp_path).agent() as agent, pytest.raises(OSError, match="no success"):
        http_load(agent, Request("/v1/kv/not-there"), TINY)


def _line(ours: list[float], peer: list[float], ours_cpu: float, peer_cpu: float) -> Line:
    return Line("dev", "a", "req/s", ours, peer, [ours_cpu], [peer_cpu])


@pytest.mark.parametrize(
    ("row", "line", "verdict"),
    [
        (Row("a", "req/s", target=1.0), _line([10.0, 30.0, 20.0], [10.0], 5, 5), "ok"),
        (Row("a", "req/s", target=3.0), _line([10.0, 30.0, 20.0], [10.0], 5, 20), "ok by CPU"),
        (Row("a", "req/s", target=3.0), _line([20.0], [10.0], 5, 5), "MISSED"),
        (Row("a", "ms", more_is_better=False, target=1.0), _line([20.0], [10.0], 5, 50), "MISSED"),
        (Row("a", "ms", more_is_better=False, target=2.0), _line([20.0], [10.0], 5, 5), "ok"),
        (Row("a", "ms"), _line([20.0], [], 5, 5), ""),
    ],
)
def test_a_verdict_follows_the_target(row: Row, line: Line, verdict: str) -> None:
    """The ratio decides; of throughput, CPU time a request may decide as well, of a duration it may not."""
    assert cells(line, row)[-1] == verdict


def test_an_earlier_run_takes_the_place_of_the_peer() -> None:
    """``--against`` compares with what the same row read before."""
    row = Row("a", "req/s")
    now = line_of(Measure("dev", (row,), "agent", lambda _: []), row, [Reading(30.0, 1.0), None], [])
    compared = with_earlier(now, Results("", "", [_line([10.0], [], 2.0, 0)]))
    assert (compared.ours, compared.peer, compared.peer_cpu) == ([30.0], [10.0], [2.0])
    assert "3.00" in table([(compared, row)])


def test_the_script_prints_a_table_and_writes_its_readings(tmp_path: Path) -> None:
    """``python bench/run.py`` works from anywhere, without a peer."""
    file = tmp_path / "out.json"
    command = [sys.executable, str(ROOT / "bench" / "run.py"), "--tiny", "--rounds=1", "--only=start", f"--json={file}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "process start → first HTTP answer" in done.stdout
    assert '"group": "start"' in file.read_text()
