"""Shell completion: candidates for the word under the cursor, and the lines in start-up files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.cli.completion import candidates
from tests.cli.conftest import Run


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("py-consul kv ", ["delete", "export", "get", "import", "put"]),
        ("py-consul kv g", ["get"]),
        ("py-consul operator raft l", ["list-peers"]),
        ("py-consul me", ["members"]),
        ("py-consul -v", ["-version"]),
        ("py-consul kv get -k", ["-keys"]),
        ("py-consul kv -", ["-help"]),
        ("py-consul catalog nodes -s", ["-service", "-stale"]),
    ],
)
def test_commands_and_flags_are_completed(line: str, expected: list[str]) -> None:
    """The word under the cursor becomes a subcommand, or a flag once it begins with a dash."""
    assert candidates(line) == expected


def test_arguments_are_completed_as_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files and folders are offered where a command takes them; hidden ones only when asked for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "web.hcl").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.json").touch()
    assert candidates("py-consul validate ") == ["conf/", "web.hcl"]
    assert candidates("py-consul validate conf/") == ["conf/a.json"]
    assert candidates("py-consul kv put a @w") == ["@web.hcl"]
    assert candidates("py-consul kv get -token-file w") == ["web.hcl"]
    assert candidates("py-consul validate .h") == [".hidden"]
    assert candidates("py-consul validate none/") == []


def test_the_cursor_cuts_the_line(run: Run) -> None:
    """What stands behind the cursor does not count."""
    result = run(COMP_LINE="py-consul kv get", COMP_POINT="13")
    assert (result.code, result.out.split()) == (0, ["delete", "export", "get", "import", "put"])


@given(st.text(max_size=30))
def test_any_line_has_an_answer(line: str) -> None:
    """No line is too odd to complete."""
    assert isinstance(candidates("py-consul " + line.replace("\0", "")), list)


def test_completion_is_installed_and_removed(run: Run, tmp_path: Path) -> None:
    """bash, zsh and fish get their lines once, and lose them again; other lines stay."""
    (tmp_path / ".bashrc").write_text("alias x=y\n")
    (tmp_path / ".zshrc").touch()
    (tmp_path / ".config" / "fish").mkdir(parents=True)
    fish = tmp_path / ".config" / "fish" / "completions" / "py-consul.fish"
    home = {"HOME": str(tmp_path)}
    assert run("-autocomplete-install", **home).code == 0
    assert "\ncomplete -C " in (tmp_path / ".bashrc").read_text()
    assert "bashcompinit\ncomplete -o nospace -C " in (tmp_path / ".zshrc").read_text()
    assert "complete -f -c py-consul" in fish.read_text()
    again = run("-autocomplete-install", **home)
    assert (again.code, again.err.count("already installed")) == (1, 3)
    assert run("-autocomplete-uninstall", **home).code == 0
    assert (tmp_path / ".bashrc").read_text().strip() == "alias x=y"
    assert not fish.exists()
    assert run("-autocomplete-uninstall", **home).code == 1


def test_completion_needs_a_shell(run: Run, tmp_path: Path) -> None:
    """Without start-up files, or with both flags, nothing is done."""
    told = run("-autocomplete-install", HOME=str(tmp_path)).err
    assert told == "Error executing CLI: Did not find any shells to install\n"
    both = run("-autocomplete-install", "-autocomplete-uninstall", HOME=str(tmp_path))
    assert "but not both" in both.err
