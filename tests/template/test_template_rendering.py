"""Writing results: only on change, atomically, with mode, owner and backup."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

import pytest

from pyconsul.toolkit.errors import RunError
from pyconsul_template.config import TemplateConfig
from pyconsul_template.rendering import render


def test_an_equal_file_is_left_alone(tmp_path: Path) -> None:
    """The same bytes are not written again."""
    out = tmp_path / "out"
    out.write_bytes(b"x")
    before = out.stat().st_ino
    assert not render(TemplateConfig(destination=str(out)), b"x", dry=False).wrote
    assert out.stat().st_ino == before


def test_a_change_replaces_the_file(tmp_path: Path) -> None:
    """A link to the old file keeps the old text; the mode stays."""
    out, held = tmp_path / "out", tmp_path / "held"
    out.write_bytes(b"old")
    out.chmod(0o604)
    held.hardlink_to(out)
    assert render(TemplateConfig(destination=str(out)), b"new", dry=False).wrote
    assert (out.read_bytes(), held.read_bytes()) == (b"new", b"old")
    assert out.stat().st_mode & 0o777 == 0o604
    assert sorted(p.name for p in tmp_path.iterdir()) == ["held", "out"]


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    """Nothing is put behind it while the file is written."""
    path = tmp_path / ("n" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    render(TemplateConfig(destination=str(path)), b"x", dry=False)
    assert path.read_bytes() == b"x"


def test_the_mode_can_be_set(tmp_path: Path) -> None:
    """perms wins over the mode of the file that is there."""
    out = tmp_path / "out"
    render(TemplateConfig(destination=str(out), perms=0o640), b"x", dry=False)
    assert out.stat().st_mode & 0o777 == 0o640


def test_special_bits_of_a_mode_are_left_out(tmp_path: Path) -> None:
    """Go keeps set-user-ID elsewhere, so that 04755 means 0755."""
    render(TemplateConfig(destination=str(tmp_path / "out"), perms=0o4755), b"x", dry=False)
    assert (tmp_path / "out").stat().st_mode & 0o7777 == 0o755


def test_a_backup_holds_the_text_before(tmp_path: Path) -> None:
    """One former text is kept, none when there was no file."""
    out = tmp_path / "out"
    config = TemplateConfig(destination=str(out), backup=True)
    for text in (b"one", b"two", b"three"):
        render(config, text, dry=False)
    assert (tmp_path / "out.bak").read_bytes() == b"two"
    assert not (tmp_path / "out.old.bak").exists()


def test_where_there_is_nothing_to_back_up_that_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first text has no former one."""
    path = tmp_path / "out"
    render(TemplateConfig(destination=str(path), backup=True), b"1", dry=False)
    assert caplog.messages == [f'could not backup "{path}": link {path} {path}.bak: no such file or directory']


def test_a_backup_that_cannot_be_made_does_not_keep_the_new_text_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some file systems have no hard links."""

    def refuse(_source: str, target: str) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), target)

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "out"
    path.write_text("old")
    render(TemplateConfig(destination=str(path), backup=True), b"new", dry=False)
    assert path.read_bytes() == b"new"
    assert caplog.messages == [f'could not backup "{path}": link {path} {path}.bak: operation not permitted']


def test_an_owner_that_cannot_be_kept_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new file then belongs to whom the tool runs as; an owner that was asked for is an error."""

    def refuse(path: str, _user: int, _group: int) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), path)

    monkeypatch.setattr(os, "chown", refuse)
    path = tmp_path / "out"
    path.write_text("old")
    render(TemplateConfig(destination=str(path)), b"new", dry=False)
    assert path.read_bytes() == b"new"
    assert re.fullmatch(
        r'could not preserve file permissions for "(.+)": chown \1: operation not permitted', caplog.messages[0]
    )
    with pytest.raises(RunError, match=rf"^failed setting file ownership: chown {path}: operation not permitted$"):
        render(TemplateConfig(destination=str(path), user="4711"), b"newer", dry=False)


def test_negative_numbers_leave_the_owner_alone(tmp_path: Path) -> None:
    """As chown(2) has it."""
    path = tmp_path / "out"
    assert render(TemplateConfig(destination=str(path), user="-1", group="-1"), b"x", dry=False).wrote
    assert not render(TemplateConfig(destination=str(path), user="-1", group="-1"), b"x", dry=False).wrote


def test_directories_are_made_unless_that_is_off(tmp_path: Path) -> None:
    """create_dest_dirs decides."""
    render(TemplateConfig(destination=str(tmp_path / "a/b/out")), b"x", dry=False)
    assert (tmp_path / "a/b/out").read_bytes() == b"x"
    with pytest.raises(RunError, match="parent directory is missing"):
        render(TemplateConfig(destination=str(tmp_path / "c/out"), create_dest_dirs=False), b"x", dry=False)


def test_no_directory_is_made_only_to_be_left_again(tmp_path: Path) -> None:
    """The way to the file has to be there, as for Go's programs."""
    with pytest.raises(
        RunError, match=r"failed writing file: rename .*\.tmp .*/a/\.\./out: no such file or directory$"
    ):
        render(TemplateConfig(destination=f"{tmp_path}/a/../out"), b"x", dry=False)
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_made_is_named() -> None:
    """With the call that failed."""
    with pytest.raises(RunError, match="failed writing file: mkdir /proc/none: no such file or directory"):
        render(TemplateConfig(destination="/proc/none/out"), b"x", dry=False)


def test_a_destination_is_needed(tmp_path: Path) -> None:
    """Without one the text can only be shown."""
    with pytest.raises(RunError, match="missing destination"):
        render(TemplateConfig(), b"x", dry=False)
    with pytest.raises(RunError, match="is a directory"):
        render(TemplateConfig(destination=str(tmp_path)), b"x", dry=False)


def test_dry_mode_prints(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Destination and text go to standard output, nothing is written."""
    out = tmp_path / "out"
    assert render(TemplateConfig(destination=str(out)), b"text\n", dry=True).wrote
    assert capfdbinary.readouterr().out == f"> {out}\ntext\n".encode()
    assert not out.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_a_new_file_belongs_to_whom_the_old_one_did(tmp_path: Path) -> None:
    """Unless the stanza says to whom; then an equal file is given to them, too."""
    out = tmp_path / "out"
    out.write_bytes(b"old")
    os.chown(out, 1234, 2345)
    render(TemplateConfig(destination=str(out)), b"new", dry=False)
    assert (out.stat().st_uid, out.stat().st_gid) == (1234, 2345)
    config = TemplateConfig(destination=str(out), user="77", group="88")
    assert render(config, b"new", dry=False).wrote
    assert (out.stat().st_uid, out.stat().st_gid) == (77, 88)
    assert not render(config, b"new", dry=False).wrote


def test_unknown_owners_are_an_error(tmp_path: Path) -> None:
    """The message names the user or group."""
    with pytest.raises(RunError, match="failed looking up user: user: unknown user no-such-user"):
        render(TemplateConfig(destination=str(tmp_path / "o"), user="no-such-user"), b"x", dry=False)
    with pytest.raises(RunError, match="unknown group no-such-group"):
        render(TemplateConfig(destination=str(tmp_path / "o"), group="no-such-group"), b"x", dry=False)
