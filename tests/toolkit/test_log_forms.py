"""Times and names of the tools' logs, and who hears of them besides standard error."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyconsul.telemetry import syslog
from pyconsul.toolkit import logs
from pyconsul.toolkit.errors import ConfigError
from pyconsul.toolkit.running_stanzas import Logging

ROOT = "tests_forms"


def a_record(message: str) -> logging.LogRecord:
    """One that shows as ``[INFO] (part)`` and the message."""
    return logging.LogRecord("t.part", 20, "", 0, message, (), None)


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[socket.socket]:
    """Listens as syslog does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "log"))
        monkeypatch.setattr(syslog, "DEVICES", (str(tmp_path / "none"), str(tmp_path / "log")))
        yield door
        logs.setup(ROOT, "info")  # closes the other end


@pytest.mark.parametrize(
    ("name", "shown"), [("UTC", "1970-01-01T00:00:01.987Z"), ("Asia/Kolkata", "1970-01-01T05:30:01.987+0530")]
)
def test_times_are_the_machines_with_milliseconds(zone: Callable[[str], None], name: str, shown: str) -> None:
    """The zone is told in digits, but for universal time."""
    zone(name)
    assert logs.timestamp(1.98765) == shown


@pytest.mark.parametrize(
    ("path", "pattern"),
    [("", r"consul-template-\d{19}\.log"), ("ct", r"ct-\d{19}\.log"), ("a.b.txt", r"a\.b-\d{19}\.txt")],
)
def test_the_time_goes_into_the_name_of_a_log_file(tmp_path: Path, path: str, pattern: str) -> None:
    """Before its ending; a directory alone gets a name and an ending."""
    logs.RotatingFile(f"{tmp_path}/{path}", limit_bytes=0, limit_seconds=3600, keep=0).close()
    (file,) = tmp_path.iterdir()
    assert re.fullmatch(pattern, file.name)


@pytest.mark.parametrize(("limit", "count"), [(0, 1), (1, 3)])
def test_a_limit_of_one_byte_is_one(tmp_path: Path, limit: int, count: int) -> None:
    """And none is no limit."""
    handler = logs.RotatingFile(f"{tmp_path}/ct.log", limit_bytes=limit, limit_seconds=3600, keep=0)
    for message in ("a", "b", "c"):
        handler.emit(a_record(message))
    handler.close()
    assert len(list(tmp_path.iterdir())) == count


def test_the_tools_log_is_their_own(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> None:
    """What a program that uses them logs, and where, is another matter."""
    logs.setup(ROOT, "info")
    logging.getLogger(ROOT).info("here")
    assert "here" in capsys.readouterr().err
    assert caplog.messages == []


@pytest.mark.parametrize(("lines", "told"), [(None, True), (logging.Formatter("%(message)s"), False)])
def test_syslog_is_told_of_in_the_early_form_or_not_at_all(
    daemon: socket.socket, capsys: pytest.CaptureFixture[str], lines: logging.Formatter | None, told: bool
) -> None:
    """A tool whose lines have a form of their own has them from the first one on."""
    logs.setup(ROOT, "info", syslog_facility="LOCAL0", syslog_name="tool", lines=lines)
    shown = capsys.readouterr().err
    assert shown.endswith("[DEBUG] (logging) enabling syslog on LOCAL0\n") if told else shown == ""


def test_the_stanza_says_who_speaks_to_syslog(daemon: socket.socket) -> None:
    """Its facility and name are those of the lines there."""
    Logging(level="info", syslog_facility="local1", syslog_name="mine").apply(ROOT)
    logging.getLogger(ROOT).warning("x")
    packet = daemon.recv(4096).decode()
    assert packet.startswith(f"<{17 * 8 + 4}>")
    assert " mine[" in packet


def test_an_unknown_facility_is_told_in_capitals(daemon: socket.socket) -> None:
    """As the known ones are written."""
    with pytest.raises(ConfigError, match=r"invalid syslog facility: NOPE$"):
        Logging(syslog_facility="nope").apply(ROOT)


@pytest.mark.parametrize(("keep", "left"), [(0, {"1", "2"}), (1, {"2"}), (2, {"1", "2"}), (-1, set[str]())])
def test_old_log_files_go_and_others_stay(tmp_path: Path, keep: int, left: set[str]) -> None:
    """Zero keeps all, a negative number none; what somebody packed has another ending."""
    others = {"ct-1.log.gz", "ct.log", "dt-1.log"}
    for name in ("ct-1.log", "ct-2.log", *others):
        (tmp_path / name).touch()
    handler = logs.RotatingFile(f"{tmp_path}/ct.log", limit_bytes=0, limit_seconds=3600, keep=keep)
    handler.close()
    found = {file.name for file in tmp_path.iterdir()}
    assert found - {Path(str(handler.file.name)).name} == {f"ct-{n}.log" for n in left} | others


def test_the_stanza_says_when_a_log_file_ends(tmp_path: Path) -> None:
    """By its size and its age."""
    Logging(file_path=f"{tmp_path}/ct.log", rotate_bytes=7, rotate_ns=90 * 10**9, rotate_keep=3).apply(ROOT)
    (handler,) = [each for each in logging.getLogger(ROOT).handlers if isinstance(each, logs.RotatingFile)]
    assert (handler.limit_bytes, handler.limit_seconds, handler.keep) == (7, 90.0, 3)
    logs.setup(ROOT, "info")
