"""Folders as Go walks them."""

from pathlib import Path

import pytest

from pyconsul.primitives.folders import MissingFolderError, files_below


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
