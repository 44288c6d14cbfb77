"""Files that are replaced as a whole: the old one or the new one, and nothing else beside them."""

import os
import stat
from pathlib import Path

import pytest

from pyconsul.primitives.whole_files import make_directory, replacing, sync_directory, write_durably


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A file that says "old", alone in its folder."""
    path = tmp_path / "file"
    path.write_text("old")
    return path


def test_a_file_is_the_old_one_until_all_of_the_new_one_is_there(place: Path) -> None:
    """Who reads meanwhile sees no half of it."""
    with replacing(place) as file:
        file.write(b"new")
        file.flush()
        assert place.read_text() == "old"
        assert Path(file.name).parent == place.parent
    assert place.read_text() == "new"
    assert os.listdir(place.parent) == ["file"]


@pytest.mark.parametrize("beside", ["", "part"])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(place: Path, beside: str) -> None:
    """Whatever the error is."""
    with (
        pytest.raises(KeyboardInterrupt),
        replacing(place, beside=str(place.parent / beside) if beside else "") as file,
    ):
        file.write(b"new")
        raise KeyboardInterrupt
    assert place.read_text() == "old"
    assert os.listdir(place.parent) == ["file"]


def test_a_name_that_cannot_be_had_leaves_nothing(tmp_path: Path) -> None:
    """A folder is not replaced by a file."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError), replacing(tmp_path / "folder") as file:
        file.write(b"new")
    assert os.listdir(tmp_path) == ["folder"]


def test_what_a_killed_writer_left_is_written_over(tmp_path: Path) -> None:
    """Where the name beside is always the same one."""
    (tmp_path / "f.tmp").write_text("half of something long")
    write_durably(tmp_path / "f", b"new")
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"f": "new"}


@pytest.mark.usefixtures("no_umask")
@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_new_file_has_the_mode_that_was_asked_for(tmp_path: Path, mode: int) -> None:
    """Also before it has its name: a secret is never readable for others."""
    with replacing(tmp_path / "f", mode=mode) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == mode
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == mode


def test_an_error_of_a_durable_write_names_the_file(tmp_path: Path) -> None:
    """Not the one beside it, which nobody knows."""
    with pytest.raises(FileNotFoundError) as failed:
        write_durably(tmp_path / "none" / "f", b"")
    assert failed.value.filename == str(tmp_path / "none" / "f")


def test_a_directory_and_the_names_above_it_are_made_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each folder that was missing is synced into the one above it."""
    synced: list[int] = []

    def sync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", sync)
    make_directory(tmp_path / "a" / "b")
    assert set(synced) == {path.stat().st_ino for path in (tmp_path, tmp_path / "a")}
    sync_directory(tmp_path / "a" / "b")
    assert synced[-1] == (tmp_path / "a" / "b").stat().st_ino


@pytest.mark.usefixtures("no_umask")
def test_what_is_made_above_a_directory_is_its_owners_whatever_the_umask(tmp_path: Path) -> None:
    """Containers often run with none."""
    make_directory(tmp_path / "a/b/c", mode=0o700)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b", "a/b/c")]
    assert modes == [0o755, 0o755, 0o700]


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    """One that stands in the place of it is an error."""
    (tmp_path / "a").write_text("")
    with pytest.raises(FileExistsError):
        make_directory(tmp_path / "a")
