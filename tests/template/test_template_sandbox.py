"""Which files a template may read: only those below its sandbox, wherever links lead."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pyconsul.lang.gotemplate import FunctionError
from pyconsul_template.functions.data import sandboxed


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sandbox with files and links, in the working directory; ``secret`` lies beside it."""
    made = tmp_path / "box"
    (made / "deep").mkdir(parents=True)
    (tmp_path / "box2").mkdir()
    for file in (tmp_path / "secret", tmp_path / "box2" / "secret", made / "in", made / "..odd"):
        file.touch()
    for name, target in {"near": "in", "away": "../secret", "up": "..", "far": str(tmp_path / "box2")}.items():
        (made / name).symlink_to(target)
    monkeypatch.chdir(tmp_path)
    return made


@pytest.mark.parametrize(
    "name", ["..", "../secret", "../box2/secret", "deep/../../secret", "away", "up", "up/secret", "far/secret"]
)
def test_what_lies_outside_is_not_read(box: Path, name: str) -> None:
    """Neither by climbing nor through a link, nor beside it under a name that begins alike."""
    path = f"{box}/{name}"
    with pytest.raises(FunctionError, match=f"^'{re.escape(path)}' is outside of sandbox$"):
        sandboxed(str(box), path)


@pytest.mark.parametrize(
    ("name", "found"),
    [("in", "in"), ("near", "in"), ("deep/../in", "in"), ("..odd", "..odd"), ("up/box/in", "in"), (".", "")],
)
def test_what_lies_inside_is_read_where_links_lead(box: Path, name: str, found: str) -> None:
    """Also what is only called as if it were outside."""
    assert sandboxed(str(box), f"{box}/{name}") == str(box / found)
    assert sandboxed("box", f"box/{name}") == str(Path("box") / found)


def test_without_a_sandbox_every_file_may_be_read(box: Path) -> None:
    """Under its plain name."""
    assert sandboxed("", f"{box}/../secret") == str(box.parent / "secret")
    assert sandboxed("", "box/./away") == "box/away"


@pytest.mark.parametrize("prefix", ["", "/"])
def test_what_is_not_there_is_told(box: Path, prefix: str) -> None:
    """The sandbox itself or the file, as they are written."""
    root = f"{box.parent}/" if prefix else ""
    with pytest.raises(FunctionError, match=f"^failed to resolve target path: lstat {root}box/none: no such file"):
        sandboxed(f"{root}box", f"{root}box/none")
    with pytest.raises(FunctionError, match=f"^failed to resolve sandbox path: lstat {root}none: no such file"):
        sandboxed(f"{root}none", f"{root}box/in")


@pytest.mark.parametrize("absolute", [True, False])
def test_both_are_absolute_or_neither(box: Path, absolute: bool) -> None:
    """As the original compares them."""
    sandbox, path = (str(box), "box/in") if absolute else ("box", f"{box}/in")
    with pytest.raises(FunctionError, match=re.escape(f"Rel: can't make {path} relative to {sandbox}")):
        sandboxed(sandbox, path)
