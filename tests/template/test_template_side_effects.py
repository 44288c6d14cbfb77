"""Functions that reach outside: files written with care, programs that fail, variables, values that are waited for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pyconsul.lang.gotemplate import ExecError, Template
from pyconsul_template.execution import Execution
from pyconsul_template.functions.registry import load
from tests.template.test_template_functions import shown


@pytest.fixture
def tight_umask() -> Iterator[None]:
    """New files are the owner's alone."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def written(path: str, mode: str = "0644") -> str:
    """What writing to it shows."""
    return shown(f'{{{{ "x" | writeToFile "{path}" "" "" "{mode}" }}}}')


@pytest.mark.usefixtures("tight_umask")
def test_a_written_file_has_the_permissions_that_were_asked_for(tmp_path: Path) -> None:
    """Whatever the process takes away from new files, and also where the file was there."""
    file = tmp_path / "a"
    for mode in ("0664", "0640"):
        written(str(file), mode)
        assert f"{file.stat().st_mode & 0o777:04o}" == mode


def test_nothing_is_written_through_links(tmp_path: Path) -> None:
    """Neither to a file nor below a directory that is elsewhere."""
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "file").symlink_to("real/file")
    with pytest.raises(ExecError, match=f'refusing to write to symlink "{tmp_path}/file"'):
        written(f"{tmp_path}/file")
    with pytest.raises(ExecError, match=f'refusing to write through symlinked directory in path "{tmp_path}/folder/a"'):
        written(f"{tmp_path}/folder/a")
    assert list((tmp_path / "real").iterdir()) == []


def test_a_file_may_be_written_where_the_tool_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its path needs no directory, and one that is missing is made."""
    monkeypatch.chdir(tmp_path)
    for path in ("a", "new/er/b"):
        assert (written(path), Path(path).read_text()) == ("", "x")


def test_a_directory_that_cannot_be_made_is_told() -> None:
    """The first one on the way."""
    with pytest.raises(ExecError, match=r"mkdir /proc/none: no such file or directory$"):
        written("/proc/none/a/b")


PLUGIN_FAILURES = [
    ('"no-such-program"', 'exec: "no-such-program": executable file not found in $PATH', "", ""),
    ('"./none"', "fork/exec ./none: no such file or directory", "", ""),
    ('"/tmp"', "fork/exec /tmp: permission denied", "", ""),
    ('"sh" "-c" "exit 1"', "exit status 1", "", ""),
    ('"sh" "-c" "kill -9 $$"', "signal: killed", "", ""),
    ('"sh" "-c" "echo a; echo b >&2; exit 3"', "exit status 3", "a\n", "b\n"),
]


@pytest.mark.parametrize(("words", "reason", "out", "err"), PLUGIN_FAILURES)
def test_a_plugin_that_fails_is_told_with_all_it_said(words: str, reason: str, out: str, err: str) -> None:
    """As far as it came."""
    with pytest.raises(ExecError) as caught:
        shown(f"{{{{ plugin {words} }}}}")
    name = words.split()[0]
    told = f"error calling plugin: exec {name}: {reason}\n\nstdout:\n\n{out}\n\nstderr:\n\n{err}"
    assert str(caught.value).endswith(told)


def test_templates_may_be_called_again_and_again() -> None:
    """Only those that stand inside one another are counted; it takes one value or none."""
    text = '{{ define "t" }}{{ . }}{{ end }}{{ range loop 1200 }}{{ executeTemplate "t" "x" }}{{ end }}'
    assert shown(text) == "x" * 1200
    with pytest.raises(ExecError, match="wrong number of arguments, expected 1 or 2, but got 3"):
        shown('{{ define "t" }}{{ end }}{{ executeTemplate "t" 1 2 }}')


def test_a_variable_of_the_template_wins_over_the_tools_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that has to be there is not empty."""
    monkeypatch.setenv("OWN", "own")
    environment = {"GIVEN": "given", "EMPTY": ""}
    assert shown('{{ mustEnv "OWN" }} {{ mustEnv "GIVEN" }}', None, environment) == "own given"
    assert shown('{{ mustEnv "OWN" }}', None, {"OWN": "given"}) == "given"
    with pytest.raises(ExecError, match="required environment variable EMPTY is empty"):
        shown('{{ mustEnv "EMPTY" }}', None, environment)


def test_a_password_counts_up_to_32_bytes() -> None:
    """What is longer is cut, so that the texts of the original can be read."""
    text = '{{ "x" | sprig_encryptAES "0123456789012345678901234567890123456789" | sprig_decryptAES "%s" }}'
    assert shown(text % "01234567890123456789012345678901") == "x"


@pytest.mark.parametrize(
    ("call", "is_missed"),
    [
        ('ls "a"', False),
        ('safeLs "a"', True),
        ('tree "a"', False),
        ('safeTree "a"', True),
        ("nomadVarList", False),
        ("nomadVarListSafe", True),
    ],
)
def test_safe_lists_wait_while_they_are_empty(call: str, is_missed: bool) -> None:
    """An empty answer is one for the others."""
    nothing: list[Any] = []
    run = Execution(lambda _dependency: nothing)
    assert Template(f"{{{{ {call} }}}}", load()).execute(None, run) == "[]"
    assert bool(run.missing) is is_missed


def test_a_file_is_asked_for_under_its_plain_name() -> None:
    """Spaces around it do not count, and one that is not there yet is empty."""
    run = Execution(lambda _dependency: None)
    assert Template('<{{ file " a/./b\\n" }}>', load()).execute(None, run) == "<>"
    assert list(run.used) == ["file(a/b)"]
