"""Errors about files are told as Go tells them."""

import errno
import os
from pathlib import Path

import pytest

from pyconsul.primitives.system_errors import file_text, naming, words_of


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOENT, "open f: no such file or directory"),
        (errno.EACCES, "open f: permission denied"),
        (errno.EISDIR, "read f: is a directory"),
        (errno.ENOSPC, "write f: no space left on device"),
        (errno.EIO, "write f: input/output error"),
        (errno.EROFS, "open f: read-only file system"),
    ],
)
def test_the_step_that_failed_is_named(number: int, text: str) -> None:
    """With the file and the reason, and without Python's number."""
    assert file_text(OSError(number, os.strerror(number), "f")) == text


def test_an_error_without_a_file_is_only_its_reason() -> None:
    """Whether it has a number or not."""
    assert file_text(OSError(errno.EIO, "Input/output error")) == "input/output error"
    assert file_text(OSError("no place")) == "no place"


def test_every_error_has_words() -> None:
    """Those that say nothing are told by their name."""
    assert [words_of(each) for each in (ValueError("so"), MemoryError(), OSError(2, "No", "f"))] == [
        "so",
        "MemoryError",
        "open f: no",
    ]


def test_a_name_that_is_taken_is_told_with_both_names(tmp_path: Path) -> None:
    """Go looks for a folder first."""
    (tmp_path / "a").write_text("")
    (tmp_path / "b").mkdir()
    with pytest.raises(OSError, match="b") as caught:
        os.replace(tmp_path / "a", tmp_path / "b")
    assert file_text(caught.value) == f"rename {tmp_path}/a {tmp_path}/b: file exists"


def test_a_write_that_fails_knows_its_file() -> None:
    """The system does not say it."""
    with pytest.raises(OSError, match="device") as caught, naming("/dev/full"), open("/dev/full", "wb") as file:
        file.write(b"x")
    assert file_text(caught.value) == "write /dev/full: no space left on device"
