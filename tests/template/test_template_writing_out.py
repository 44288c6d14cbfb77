"""Template functions that write somewhere else than into the text."""

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


def test_dumps_go_to_standard_output(capfd: pytest.CaptureFixture[str]) -> None:
    """The text stays without them."""
    shown('{{ spew_dump "a" }}{{ spew_printf "%v" 2 }}')
    assert '(string) (len=1) "a"' in capfd.readouterr().out
