"""Folders as Go walks and makes them."""

from pathlib import Path

import pytest

from pyconsul.primitives.folders import MissingFolderError, files_below, make_folders
from pyconsul.primitives.system_errors import file_text


def test_all_files_below_a_folder(tmp_path: Path) -> None:
    """Those of folders in it too, sorted; a file stands for itself, and nothing for nothing."""
    (tmp_path / "b").mkdir()
    for name in ("c", "b/deep", "a"):
        (tmp_path / name).touch()
    assert files_below(str(tmp_path)) == [str(tmp_path / name) for name in ("a", "b/deep", "c")]
    assert files_below(str(tmp_path / "a")) == [str(tmp_path / "a")]
    assert files_below("") == []


def test_a_missing_one_is_told_in_gos_words() -> None:
    """As its ``lstat`` says it."""
    with pytest.raises(MissingFolderError, match=r"^lstat /nowhere: no such file or directory$"):
        files_below("/nowhere")


@pytest.mark.usefixtures("no_umask")
def test_all_folders_that_are_made_have_the_mode(tmp_path: Path) -> None:
    """Also those above the last one, which ``os.makedirs`` opens to everybody where the umask takes nothing."""
    make_folders(f"{tmp_path}/a/b/c/", 0o750)
    make_folders(f"{tmp_path}/a/b", 0o777)
    assert [(tmp_path / name).stat().st_mode & 0o7777 for name in ("a", "a/b", "a/b/c")] == [0o750] * 3


@pytest.mark.parametrize("below", ["", "/a/b"])
def test_the_file_in_the_way_of_a_folder_is_named(below: str, tmp_path: Path) -> None:
    """Whatever was to be made below it."""
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError) as caught:
        make_folders(f"{tmp_path}/file{below}")
    assert file_text(caught.value) == f"mkdir {tmp_path}/file: not a directory"
