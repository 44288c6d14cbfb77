"""Names with bytes beyond UTF-8 stand in the log as Consul's log has them: as they came, and escaped in JSON."""

from __future__ import annotations

import io
import json
import logging
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import pyconsul
from pyconsul.primitives.stray_bytes import AS_IT_CAME, as_bytes
from pyconsul.telemetry import syslog
from pyconsul.telemetry.logfile import FileSink
from pyconsul.telemetry.logging import Level, Record, StreamSink, as_json, as_text
from pyconsul.toolkit import logs
from pyconsul_template import main
from tests.waiting import LIMIT

STRAY = os.fsdecode(b"caf\xe9")


def a_record(message: str = "event", **values: object) -> Record:
    """An event of the agent."""
    return Record(0.0, Level.INFO, "agent", message, values)


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("plain", b"plain"),
        (STRAY, b"caf\xe9"),
        ("\u20ac\udc80\udcff", b"\xe2\x82\xac\x80\xff"),
        ("\ud800", b"\xef\xbf\xbd"),
    ],
)
def test_bytes_go_out_as_they_came(text: str, data: bytes) -> None:
    """What never was a byte is Go's replacement."""
    assert as_bytes(text) == data


def test_what_cannot_be_read_is_another_error() -> None:
    """The handler is for what goes out."""
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", AS_IT_CAME)


@pytest.mark.parametrize(
    ("name", "shown"),
    [(STRAY, f'"{STRAY}"'), (f'"{STRAY}"', '"\\"caf\ufffd\\""'), (f"{STRAY}\x01", '"caf\ufffd\\x01"')],
)
def test_values_keep_them_where_nothing_is_escaped(name: str, shown: str) -> None:
    """As hclog does it: where something else has to be, they are replaced."""
    assert as_text(a_record(name=name)).endswith(f"agent: event: name={shown}\n")


def test_json_has_the_replacement_as_an_escape() -> None:
    """A line of JSON is UTF-8."""
    line = as_json(a_record(name=STRAY, names=[STRAY]))
    assert '"name":"caf\\ufffd","names":["caf\\ufffd"]' in line
    assert json.loads(line)["name"] == "caf\ufffd"


def test_files_and_syslog_get_the_bytes(tmp_path: Path) -> None:
    """Whatever else is in the line."""
    file = FileSink(str(tmp_path / "a.log"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        daemon = syslog.SyslogSink("LOCAL0", devices=[str(tmp_path / "log")])
        for sink in (file, daemon):
            sink.write(a_record(STRAY))
            sink.close()
        assert server.recv(4096).endswith(b": agent: caf\xe9\n")
    assert (tmp_path / "a.log").read_bytes().endswith(b"agent: caf\xe9\n")


def test_a_daemon_may_listen_for_streams(tmp_path: Path) -> None:
    """As some of syslog do."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tmp_path / "log"))
        server.listen()
        daemon = syslog.SyslogSink("LOCAL0", devices=[str(tmp_path / "log")])
        daemon.write(a_record("one"))
        taken, _ = server.accept()
        with taken, taken.makefile("rb") as lines:
            assert lines.readline().endswith(b": agent: one\n")
        daemon.close()


def test_the_tools_syslog_gets_the_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No line is lost for them."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        monkeypatch.setattr(syslog, "DEVICES", (str(tmp_path / "log"),))
        logs.setup("tests_stray", "info", syslog_facility="LOCAL0", syslog_name="tool")
        logging.getLogger("tests_stray.runner").warning(STRAY)
        assert server.recv(4096).endswith(b": (runner) caf\xe9\n")
        logs.setup("tests_stray", "info")


def test_a_ready_stream_gets_the_bytes() -> None:
    """Standard output is one."""
    lines = io.BytesIO()
    ready = io.TextIOWrapper(lines, encoding="utf-8", errors=AS_IT_CAME)
    StreamSink(ready).write(a_record(STRAY))
    assert lines.getvalue().endswith(b"agent: caf\xe9\n")


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}])
def test_a_tool_complains_in_the_bytes_it_was_given(locale: dict[str, str]) -> None:
    """Whatever the locale is."""
    # In this locale Python does not find what is installed below a folder with letters beyond ASCII.
    roots = {"PYTHONPATH": os.pathsep.join(str(Path(each).parents[1]) for each in (pyconsul.__file__, main.__file__))}
    words = [sys.executable, "-c", "from pyconsul_template.main import entry; entry()", "-once", "-template"]
    done = subprocess.run(
        [*words, b"/none/\xe2\x82\xac\xff"],
        env={**os.environ, **roots, **locale},
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.stderr.endswith(b"failed to read template: open /none/\xe2\x82\xac\xff: no such file or directory\n")
