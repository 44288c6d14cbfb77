"""Template functions that write somewhere else than into the text."""

import os
from pathlib import Path

import pytest

from pyconsul.lang.gotemplate import ExecError, Template
from pyconsul_template.execution import ABSENT, Execution
from pyconsul_template.functions.registry import load


def shown(text: str) -> str:
    """What a template with all functions gives, without any server."""
    made = Template(text, load(), missing_key="zero")
    return made.execute(None, Execution(lambda _dependency: ABSENT, {}, execute_named=made.execute_named))


def test_a_file_is_written_and_nothing_shown(tmp_path: Path) -> None:
    """With its permissions; ``newline`` adds one, ``append`` keeps what was there."""
    path = tmp_path / "below" / "a"
    text = f'<{{{{ "x" | writeToFile "{path}" "" "" "0640" }}}}{{{{ "y" | writeToFile "{path}" "" "" "0640" "append,newline" }}}}>'
    assert shown(text) == "<>" and path.read_text() == "xy\n"
    assert path.stat().st_mode & 0o777 == 0o640


def test_permissions_must_be_octal(tmp_path: Path) -> None:
    """The error is that of Go's number parser."""
    with pytest.raises(ExecError, match="invalid syntax"):
        shown(f'{{{{ "x" | writeToFile "{tmp_path}/a" "" "" "9" }}}}')


def test_special_bits_of_permissions_are_left_out(tmp_path: Path) -> None:
    """Go keeps set-user-ID elsewhere, so that 4755 means 0755."""
    shown(f'{{{{ "x" | writeToFile "{tmp_path}/a" "" "" "4755" }}}}')
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o755


def test_files_that_cannot_be_looked_at_are_named(tmp_path: Path) -> None:
    """With the call that failed."""
    held = tmp_path / "held"
    held.touch()
    with pytest.raises(ExecError, match=f'failed to stat "{held}/a": lstat {held}/a: not a directory'):
        shown(f'{{{{ "x" | writeToFile "{held}/a" "" "" "644" }}}}')
    with pytest.raises(ExecError, match=f"writeToFile: stat {held}/a: not a directory"):
        shown(f'{{{{ "x" | writeToFile "{held}/a/b" "" "" "644" }}}}')


def test_a_plugin_reads_nothing() -> None:
    """The tool's own input is not the plugin's: one that reads goes on at once."""
    reading, writing = os.pipe()
    kept = os.dup(0)
    os.dup2(reading, 0)
    os.write(writing, b"typed")
    os.close(writing)
    try:
        assert shown('<{{ plugin "cat" }}>') == "<>"
    finally:
        os.dup2(kept, 0)
        os.close(kept)
        os.close(reading)


def test_dumps_go_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """The text stays without them."""
    shown('{{ spew_dump "a" }}{{ spew_printf "%v" 2 }}')
    assert '(string) (len=1) "a"' in capfd.readouterr().out
