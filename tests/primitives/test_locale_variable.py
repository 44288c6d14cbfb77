"""What Python sets for itself is not passed on to children."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pyconsul.primitives.locale_variable import forget


@pytest.mark.parametrize(
    ("given", "left"),
    [(b"A=1\0B=2\0", {"A": "1"}), (b"A=1\0LC_CTYPE=C.UTF-8\0", {"A": "1", "LC_CTYPE": "C.UTF-8"})],
)
def test_only_what_was_not_given_is_dropped(tmp_path: Path, given: bytes, left: dict[str, str]) -> None:
    """The kernel keeps what the process was started with."""
    start = tmp_path / "environ"
    start.write_bytes(given)
    environ = {"A": "1", "LC_CTYPE": "C.UTF-8"}
    forget(environ, str(start))
    assert environ == left


def test_where_nothing_tells_all_stays(tmp_path: Path) -> None:
    """As on systems without /proc."""
    environ = {"LC_CTYPE": "C.UTF-8"}
    forget(environ, str(tmp_path / "none"))
    assert environ == {"LC_CTYPE": "C.UTF-8"}


def test_a_process_without_a_locale_has_none_for_its_children() -> None:
    """Python sets the variable before any of our lines runs."""
    program = "import os; from pyconsul.primitives import locale_variable; locale_variable.forget()"
    lines = f"{program}; print(os.environ.get('LC_CTYPE'))"
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
    done = subprocess.run([sys.executable, "-c", lines], env=environ, capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"
