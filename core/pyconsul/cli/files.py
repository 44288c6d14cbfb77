"""Files that commands read and write: data sources named on the command line, and atomic writes."""

from __future__ import annotations

import os

from pyconsul.cli.console import Console, Failed
from pyconsul.primitives.folders import make_folders
from pyconsul.primitives.system_errors import file_text, system_text
from pyconsul.primitives.whole_files import replacing


def data_source(text: str, console: Console) -> bytes:
    """The data that an argument names: ``@file``, ``-`` for standard input, or itself.

    Raises Failed when the file cannot be read.
    """
    if text.startswith("@"):
        try:
            with open(text[1:], "rb") as file:
                return file.read()
        except OSError as e:
            raise Failed(f"Failed to read file: {file_text(e)}") from e
    if text == "-":
        return _given(console)
    return os.fsencode(text)


def text_source(text: str, console: Console) -> str:
    """Like :func:`data_source`, as text; bytes that are not UTF-8 become U+FFFD, as in Go's JSON. Raises Failed."""
    return data_source(text, console).decode("utf-8", "replace")


def data_source_not_raw(text: str, console: Console) -> bytes:
    """The data of a file, or with ``-`` of standard input. Raises Failed with the reason alone."""
    if not text:
        raise Failed("Failed to load data: must specify a file path or '-' for stdin")
    if text == "-":
        return _given(console)
    try:
        with open(text, "rb") as file:
            return file.read()
    except OSError as e:
        raise Failed(f"Failed to read file: {file_text(e)}") from e


def _given(console: Console) -> bytes:
    """All of standard input. Raises Failed."""
    try:
        return console.stdin.read()
    except OSError as e:
        raise Failed(f"Failed to read stdin: read /dev/stdin: {system_text(e)}") from e


def write_atomically(path: str, data: bytes, mode: int) -> None:
    """Put ``data`` at ``path`` in one step, with these permissions, through a temporary file beside it."""
    folder = os.path.dirname(path)
    if folder:
        make_folders(folder, 0o755)
    with replacing(path, mode=mode) as file:
        file.write(data)
