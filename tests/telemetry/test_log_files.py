"""Log files grow, turn over by size and age, and old ones go."""

import os
import time
from pathlib import Path

import pytest

from pyconsul.telemetry.logfile import FileSink
from pyconsul.telemetry.logging import Level, Record, StreamSink
from tests.full_disk import full_disk


class Clock:
    """A wall clock that moves when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time now."""
        return self.now


def a_line(text: str = "x") -> Record:
    """An event."""
    return Record(1.0, Level.INFO, "agent", text, {})


def names(folder: Path) -> list[str]:
    """The files there."""
    return sorted(path.name for path in folder.iterdir())


def test_lines_are_appended(tmp_path: Path) -> None:
    """A second start goes on in the same file; a folder gets Consul's name."""
    for text in ("one", "two"):
        sink = FileSink(f"{tmp_path}/")
        sink.write(a_line(text))
        sink.close()
    lines = (tmp_path / "consul.log").read_text().splitlines()
    assert [line.split(": ")[-1] for line in lines] == ["one", "two"]


def test_a_full_file_is_put_aside(tmp_path: Path) -> None:
    """The next line begins a new one; so many old ones stay as asked for."""
    clock = Clock()
    sink = FileSink(str(tmp_path / "a.txt"), rotate_bytes=10, keep=2, clock=clock)
    for _ in range(5):
        clock.now += 1
        sink.write(a_line())
    sink.close()
    assert names(tmp_path) == ["a-1004000000000.txt", "a-1005000000000.txt", "a.txt"]


def test_an_old_file_is_put_aside(tmp_path: Path) -> None:
    """After the rotation time, whatever its size."""
    clock = Clock()
    sink = FileSink(str(tmp_path / "a"), rotate_seconds=60, clock=clock, ticks=clock)
    sink.write(a_line())
    clock.now += 61
    sink.write(a_line())
    sink.close()
    assert names(tmp_path) == ["a", "a-1061000000000.log"]


def test_a_file_that_an_earlier_start_has_left_is_as_old_as_its_last_line(tmp_path: Path) -> None:
    """An agent that was down for days begins a new one."""
    path = tmp_path / "a.log"
    path.write_text("old\n")
    for later, files in ((30.0, 1), (120.0, 2)):
        sink = FileSink(str(path), rotate_seconds=60, clock=lambda later=later: time.time() + later)
        sink.write(a_line())
        sink.close()
        assert len(names(tmp_path)) == files


@pytest.mark.usefixtures("no_umask")
def test_others_may_not_read_the_file(tmp_path: Path) -> None:
    """Whatever the umask allows."""
    FileSink(str(tmp_path / "a.log")).close()
    assert (tmp_path / "a.log").stat().st_mode & 0o777 == 0o640


def test_old_files_may_all_go(tmp_path: Path) -> None:
    """A negative number keeps none, already at the start."""
    (tmp_path / "a-1.log").write_text("")
    FileSink(str(tmp_path / "a.log"), keep=-1).close()
    assert names(tmp_path) == ["a.log"]


def test_a_full_disk_takes_lines_again_once_there_is_space(tmp_path: Path) -> None:
    """What came meanwhile is lost; the agent has gone on."""
    path = tmp_path / "a.log"
    sink = FileSink(str(path))
    with full_disk():
        sink.write(a_line("lost"))
    sink.write(a_line("kept"))
    sink.close()
    assert path.read_text().endswith("agent: kept\n")
    assert "lost" not in path.read_text()


def test_a_file_that_somebody_has_put_aside_is_begun_anew(tmp_path: Path) -> None:
    """When it is time for a new one."""
    path = tmp_path / "a.log"
    sink = FileSink(str(path), rotate_bytes=10)
    sink.write(a_line("one"))
    path.rename(tmp_path / "taken.log")
    sink.write(a_line("two"))
    sink.close()
    assert path.read_text().endswith("agent: two\n")


def test_where_no_new_file_can_be_made_the_old_one_goes_on(tmp_path: Path) -> None:
    """It is tried again with each line."""
    clock = Clock()
    (tmp_path / "logs").mkdir()
    sink = FileSink(str(tmp_path / "logs/a.log"), rotate_seconds=60, clock=clock, ticks=clock)
    clock.now += 61
    (tmp_path / "logs").rename(tmp_path / "away")
    sink.write(a_line("one"))
    (tmp_path / "logs").mkdir()
    sink.write(a_line("two"))
    sink.close()
    assert (tmp_path / "away/a.log").read_text().endswith("one\n")
    assert (tmp_path / "logs/a.log").read_text().endswith("two\n")


def test_setting_the_clock_turns_no_file_over(tmp_path: Path) -> None:
    """Its age is the time that went by."""
    clock = Clock()
    sink = FileSink(str(tmp_path / "a"), rotate_seconds=60, clock=clock, ticks=lambda: 0.0)
    for change in (3600, -7200):
        clock.now += change
        sink.write(a_line())
    sink.close()
    assert names(tmp_path) == ["a"]


def test_a_stream_without_room_stays_in_use() -> None:
    """Standard output is often a file."""
    with open("/dev/full", "w", encoding="utf-8", buffering=1) as full:
        sink = StreamSink(full)
        sink.write(a_line())
        assert sink.level is Level.INFO
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, full.fileno())  # room for what is buffered, so that it can be closed
        os.close(null)


def test_a_closed_file_takes_no_lines(tmp_path: Path) -> None:
    """Not even one that was under way in another thread."""
    sink = FileSink(str(tmp_path / "a.log"))
    sink.close()
    sink.write(a_line())
    assert sink.level is Level.OFF
    assert not (tmp_path / "a.log").read_text()
