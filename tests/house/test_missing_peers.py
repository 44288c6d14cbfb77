"""What ``make test`` says of programs that are not here, and of steps that it does not have."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(name="check")
def check_fixture() -> Any:
    """``scripts/check.py`` as a module."""
    path = Path(__file__).resolve().parents[2] / "scripts" / "check.py"
    spec = importlib.util.spec_from_file_location("pyconsul_check", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)  # where dataclasses look for it
        spec.loader.exec_module(module)
    return module


def test_one_line_names_the_missing_peers(
    check: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their tests are left out without another word."""
    (tmp_path / "curl").touch(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(check, "NPM", tmp_path / "none")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))  # which a run sets for its steps
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "")  # and this is taken back, too
    monkeypatch.setattr("sys.argv", ["check.py"])
    monkeypatch.setattr(check, "steps", list)
    assert check.main() == 0
    assert capsys.readouterr().out == "Missing here, so that what needs them is not tested: dig, ip, azurite-blob\n"


def test_a_step_that_there_is_not_is_no_success(
    check: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped name would otherwise pass with nothing done."""
    monkeypatch.setattr("sys.argv", ["check.py", "lint", "typos"])
    assert check.main() == 2
    assert (
        capsys.readouterr().err == "No such step: typos. There are: lint, format, layers, types, tests, conformance\n"
    )
