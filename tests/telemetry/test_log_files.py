"""Log files grow, turn over by size and age, and old ones go."""

from pathlib import Path

from pyconsul.telemetry.logfile import FileSink
from pyconsul.telemetry.logging import Level, Record


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
    sink = FileSink(str(tmp_path / "a"), rotate_seconds=60, clock=clock)
    sink.write(a_line())
    clock.now += 61
    sink.write(a_line())
    sink.close()
    assert names(tmp_path) == ["a", "a-1061000000000.log"]


def test_old_files_may_all_go(tmp_path: Path) -> None:
    """A negative number keeps none, already at the start."""
    (tmp_path / "a-1.log").write_text("")
    FileSink(str(tmp_path / "a.log"), keep=-1).close()
    assert names(tmp_path) == ["a.log"]


def test_a_file_that_fails_ends_nothing(tmp_path: Path) -> None:
    """The sink goes silent."""
    sink = FileSink(str(tmp_path / "a.log"))
    sink.close()
    sink.write(a_line())
    assert sink.level is Level.OFF
