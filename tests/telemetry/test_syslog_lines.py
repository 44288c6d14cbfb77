"""Lines reach the syslog daemon with its priorities."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyconsul.telemetry.logging import Level, Record
from pyconsul.telemetry.syslog import SyslogSink


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[socket.socket]:
    """What listens instead of the real one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "log"))
        server.settimeout(60)
        yield server


@pytest.mark.parametrize(("level", "priority"), [(Level.TRACE, 7), (Level.INFO, 5), (Level.ERROR, 3)])
def test_levels_become_priorities(daemon: socket.socket, level: Level, priority: int) -> None:
    """Facility and priority in one number, then the local time, tag, room and message."""
    sink = SyslogSink("LOCAL0", Level.TRACE, devices=[daemon.getsockname()])
    at = time.mktime((2026, 3, 4, 5, 6, 7, 0, 0, -1))
    sink.write(Record(at, level, "agent.server", "100% [sure]", {"k": 1}))
    expected = f"<{16 * 8 + priority}>Mar  4 05:06:07 consul[{os.getpid()}]: agent.server: 100% [sure]: k=1\n"
    assert daemon.recv(4096).decode() == expected
    sink.close()


def test_json_lines_stay_whole(daemon: socket.socket) -> None:
    """The reader parses them."""
    sink = SyslogSink("daemon", json_lines=True, devices=[daemon.getsockname()])
    sink.write(Record(1.0, Level.WARN, "agent", "hello", {}))
    assert daemon.recv(4096).decode().partition("]: ")[2].startswith('{"@level":"warn","@message":"hello"')
    sink.close()


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    """An unknown facility, a daemon that is not there."""
    with pytest.raises(ValueError, match="invalid syslog facility: nope"):
        SyslogSink("nope")
    with pytest.raises(OSError):
        SyslogSink("LOCAL0", devices=[str(tmp_path / "none")])


def test_a_daemon_that_goes_ends_nothing(daemon: socket.socket) -> None:
    """Lines are lost while it is away, and come again afterwards."""
    path = daemon.getsockname()
    sink = SyslogSink("LOCAL0", devices=[f"{path}-of-another-system", path])
    daemon.close()
    sink.write(Record(1.0, Level.WARN, "agent", "lost", {}))
    os.unlink(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as again:
        again.bind(path)
        again.settimeout(60)
        sink.write(Record(1.0, Level.WARN, "agent", "hello", {}))
        assert again.recv(4096).endswith(b"agent: hello\n")
    sink.close()
