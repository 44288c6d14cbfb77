"""Commands and supervised children: statuses, limits, signals, restarts; and the tools' log."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import socket
from pathlib import Path

import pytest

from pyconsul.telemetry import syslog
from pyconsul.toolkit import logs
from pyconsul.toolkit.child import Child, ChildSettings, prepared, run_command, start_command
from pyconsul.toolkit.errors import ConfigError, RunError
from tests.full_disk import full_disk
from tests.waiting import comes_true

LOGGER = logging.getLogger("tests.child")
ENVIRONMENT = dict(os.environ)


def test_words_decide_about_the_shell() -> None:
    """One text of several words is the shell's, anything else runs as it is."""
    assert prepared(["a b"]) == (["sh", "-c", "a b"], True)
    assert prepared(["a"]) == (["a"], False)
    assert prepared(["a b", "c"]) == (["a b", "c"], False)
    with pytest.raises(RunError, match=r"executable file not found in \$PATH"):
        prepared([""])


async def test_a_command_may_fail_in_three_ways() -> None:
    """By its status, by its time, by not being there."""
    await run_command(["true"], ENVIRONMENT, 0, LOGGER)
    with pytest.raises(RunError, match="command exited with a non-zero exit status:\n\n    sh -c exit 4"):
        await run_command(["exit 4"], ENVIRONMENT, 0, LOGGER)
    with pytest.raises(RunError, match=r'within time limit \("50ms"\):\n    sleep 60'):
        await run_command(["sleep", "60"], ENVIRONMENT, 50_000_000, LOGGER)
    with pytest.raises(RunError, match=r"child: fork/exec \./absent: no such file or directory"):
        await run_command(["./absent"], ENVIRONMENT, 0, LOGGER)
    with pytest.raises(RunError, match=r'child: exec: "no-such-program": executable file not found'):
        await run_command(["no-such-program"], ENVIRONMENT, 0, LOGGER)


async def test_files_that_the_caller_opened_reach_a_command(tmp_path: Path) -> None:
    """The shell's ``<(...)`` is such a file; what this process opened for itself stays its own."""
    with (tmp_path / "given").open("w") as given, (tmp_path / "own").open("w") as own:
        os.set_inheritable(given.fileno(), True)
        script = f"echo through >/dev/fd/{given.fileno()}; ! test -e /dev/fd/{own.fileno()}"
        await run_command([script], ENVIRONMENT, 0, LOGGER)
    assert (tmp_path / "given").read_text() == "through\n"


async def test_a_child_that_ends_tells_its_status() -> None:
    """-1 stands for a signal."""
    for command, status in ((["sh", "-c", "exit 3"], 3), (["sh", "-c", "kill -9 $$"], -1)):
        child = Child(ChildSettings(command, ENVIRONMENT), LOGGER)
        await child.start()
        assert await child.ended == status


async def test_a_child_is_signalled_or_started_again(tmp_path: Path) -> None:
    """With a reload signal it stays, without it is another process."""
    log = tmp_path / "log"
    script = f"trap 'echo hup >> {log}' HUP; echo start >> {log}; while :; do sleep 0.02; done"
    child = Child(ChildSettings(["sh", "-c", script], ENVIRONMENT, reload_signal=signal.SIGHUP), LOGGER)
    await child.start()
    await comes_true(lambda: log.exists() and log.read_text() == "start\n")
    first = child.pid
    await child.reload()
    await comes_true(lambda: log.read_text() == "start\nhup\n")
    assert child.pid == first
    await child.stop(immediately=True)
    again = Child(ChildSettings(["sh", "-c", script], ENVIRONMENT), LOGGER)
    await again.start()
    before = again.pid
    await again.reload()
    assert again.pid not in (0, before)
    await again.stop(immediately=False)
    assert not again.is_running
    assert not again.ended.done()


async def test_a_stubborn_child_is_killed(tmp_path: Path) -> None:
    """After its time it gets SIGKILL."""
    mark = tmp_path / "mark"
    script = f"trap '' INT; touch {mark}; while :; do sleep 0.02; done"
    child = Child(ChildSettings(["sh", "-c", script], ENVIRONMENT, kill_timeout_ns=50_000_000), LOGGER)
    await child.start()
    await comes_true(mark.exists)
    await child.stop(immediately=True)
    assert child.pid == 0


async def test_a_stubborn_child_that_is_passed_its_kill_signal_is_killed(tmp_path: Path) -> None:
    """The signal that its stanza names ends it for certain, whoever sends it, and the tool hears that it ended."""
    mark = tmp_path / "mark"
    script = f"trap '' TERM; touch {mark}; while :; do sleep 0.02; done"
    settings = ChildSettings(["sh", "-c", script], ENVIRONMENT, kill_signal=signal.SIGTERM, kill_timeout_ns=50_000_000)
    child = Child(settings, LOGGER)
    await child.start()
    await comes_true(mark.exists)
    await child.signal(signal.SIGTERM)
    assert child.pid == 0
    assert await child.ended == -1


async def test_the_reload_signal_that_is_passed_on_waits_for_the_splay(caplog: pytest.LogCaptureFixture) -> None:
    """Many tools that are signalled at once do not let all their children reload at once."""
    caplog.set_level(logging.DEBUG)
    settings = ChildSettings(["sleep", "1000"], ENVIRONMENT, reload_signal=signal.SIGTERM, splay_ns=1_000_000)
    child = Child(settings, LOGGER)
    await child.start()
    await child.signal(signal.SIGTERM)
    assert "for random splay" in caplog.text
    assert await child.ended == -1


async def test_a_child_without_a_kill_signal_has_its_time_all_the_same(tmp_path: Path) -> None:
    """It may end by itself until its time is over."""
    go = tmp_path / "go"
    script = f"until [ -e {go} ]; do sleep 0.01; done; exit 0"
    child = Child(ChildSettings(["sh", "-c", script], ENVIRONMENT, kill_signal=0), LOGGER)
    await child.start()
    process = child.process
    ending = asyncio.create_task(child.stop(immediately=True))
    await asyncio.sleep(0)
    go.touch()
    await ending
    assert process is not None
    assert await process.wait() == 0


@pytest.mark.parametrize("immediately", [True, False])
async def test_a_child_that_is_to_stop_is_not_started_again(tmp_path: Path, immediately: bool) -> None:
    """Although a restart has begun and waits for its end; that end is waited for, and it is asked for it once."""
    log = tmp_path / "log"
    script = f"trap 'echo int >> {log}' INT; echo start >> {log}; while :; do sleep 0.02; done"
    settings = ChildSettings(["sh", "-c", script], ENVIRONMENT, kill_timeout_ns=200_000_000)
    child = Child(settings, LOGGER)
    await child.start()
    await comes_true(lambda: log.exists() and log.read_text() == "start\n")
    restart = asyncio.create_task(child.reload())
    await comes_true(lambda: log.read_text() == "start\nint\n")
    await child.stop(immediately=immediately)
    await restart
    assert not child.is_running
    assert log.read_text() == "start\nint\n"


async def test_a_child_stops_at_once_while_a_restart_waits_for_its_splay(tmp_path: Path) -> None:
    """Even if nobody goes on with the restart."""
    log = tmp_path / "log"
    script = f"trap 'echo int >> {log}; exit 0' INT; echo start >> {log}; while :; do sleep 0.02; done"
    child = Child(ChildSettings(["sh", "-c", script], ENVIRONMENT, splay_ns=10**15), LOGGER)
    await child.start()
    await comes_true(lambda: log.exists() and log.read_text() == "start\n")
    restart = asyncio.create_task(child.reload())
    await asyncio.sleep(0)
    await child.stop(immediately=True)
    restart.cancel()
    assert not child.is_running
    assert log.read_text() == "start\nint\n"


async def test_signals_reach_the_whole_group(tmp_path: Path) -> None:
    """What a shell started is signalled with it."""
    log = tmp_path / "log"
    command = f"sh -c 'trap \"echo usr1 >> {log}; exit 0\" USR1; touch {log}; while :; do sleep 0.02; done' ; true"
    child = Child(ChildSettings([command], ENVIRONMENT, kill_signal=signal.SIGTERM), LOGGER)
    await child.start()
    await comes_true(log.exists)
    await child.signal(signal.SIGUSR1)
    await comes_true(lambda: log.read_text() == "usr1\n")
    await child.stop(immediately=True)


async def test_a_command_that_nobody_waits_for_any_more_goes_on(tmp_path: Path) -> None:
    """A reload or the tool's end does not leave it half done."""
    go, out = tmp_path / "go", tmp_path / "out"
    script = f"echo begun > {out}; until [ -e {go} ]; do sleep 0.01; done; echo done >> {out}"
    work = asyncio.create_task(run_command([script], ENVIRONMENT, 0, LOGGER))
    await comes_true(lambda: out.exists() and out.read_text() == "begun\n")
    work.cancel()
    await asyncio.wait([work])
    go.touch()
    await comes_true(lambda: out.read_text() == "begun\ndone\n")


async def test_a_command_is_left_to_itself(tmp_path: Path) -> None:
    """Who starts it hears only of one that cannot be started."""
    out = tmp_path / "out"
    start_command([f"echo x > {out}; exit 3"], ENVIRONMENT, LOGGER)
    await comes_true(lambda: out.exists() and out.read_text() == "x\n")
    with pytest.raises(RunError, match="executable file not found"):
        start_command(["no-such-program"], ENVIRONMENT, LOGGER)


async def test_signull_as_reload_signal_leaves_the_child_alone(tmp_path: Path) -> None:
    """It is neither signalled nor started anew."""
    child = Child(ChildSettings(["sleep", "1000"], ENVIRONMENT, reload_signal=0, kill_signal=signal.SIGKILL), LOGGER)
    await child.start()
    before = child.pid
    await child.reload()
    assert child.pid == before
    await child.stop(immediately=True)


def test_log_lines_have_the_tools_form(capsys: pytest.CaptureFixture[str]) -> None:
    """Time, level, part, message; lower levels are left out."""
    logs.setup("tests_tool", "info")
    logging.getLogger("tests_tool.runner").info("rendered %s", "x")
    logging.getLogger("tests_tool.runner").debug("hidden")
    line = capsys.readouterr().err
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d{4}) \[INFO\] \(runner\) rendered x\n", line)
    with pytest.raises(ConfigError, match="invalid log level"):
        logs.setup("tests_tool", "loud")


def test_log_files_carry_no_times(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That there is one is told in the form of the moment before; lines that end by themselves get no second end."""
    logs.setup("tests_tool", "info", file_path=str(tmp_path / "ct.log"))
    logging.getLogger("tests_tool.runner").error("one\n\n")
    logging.getLogger("tests_tool.main").info("two")
    logs.setup("tests_tool", "info")
    (file,) = tmp_path.iterdir()
    assert file.read_text() == "[ERR] (runner) one\n\n[INFO] two\n"
    told = f"[DEBUG] (logging) enabling log_file logging to {tmp_path / 'ct.log'} with rotation every 24h0m0s"
    assert capsys.readouterr().err.splitlines()[0].endswith(told)


@pytest.mark.parametrize(("seconds", "shown"), [(0.0, "24h0m0s"), (90.0, "1m30s")])
def test_log_files_have_an_age(tmp_path: Path, capsys: pytest.CaptureFixture[str], seconds: float, shown: str) -> None:
    """A day, unless another one is asked for."""
    logs.setup("tests_tool", "info", file_path=str(tmp_path / "ct.log"), rotate_seconds=seconds)
    handlers = logging.getLogger("tests_tool").handlers
    assert [h.limit_seconds for h in handlers if isinstance(h, logs.RotatingFile)] == [seconds or 86400.0]
    logs.setup("tests_tool", "info")
    assert f"with rotation every {shown}\n" in capsys.readouterr().err


def test_syslog_has_to_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Who asks for it on a machine without one is told."""
    monkeypatch.setattr(syslog, "DEVICES", (str(tmp_path / "none"),))
    with pytest.raises(ConfigError, match="error setting up syslog logger: Unix syslog delivery error"):
        logs.setup("tests_tool", "info", syslog_facility="LOCAL0")
    with pytest.raises(ConfigError, match="error setting up syslog logger: invalid syslog facility: NOPE"):
        logs.setup("tests_tool", "info", syslog_facility="NOPE")


def test_a_socket_that_nobody_listens_on_is_no_syslog(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As a daemon leaves it behind that has ended: the tool says so at the start, and does not go on without a log."""
    left = tmp_path / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(left))
    monkeypatch.setattr(syslog, "DEVICES", (str(left),))
    with pytest.raises(ConfigError, match="error setting up syslog logger: Unix syslog delivery error"):
        logs.setup("tests_tool", "info", syslog_facility="LOCAL0")


def test_a_syslog_that_ends_later_says_nothing_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line is there all the same, and no trace of how the socket was lost."""
    socket_path = tmp_path / "log"
    monkeypatch.setattr(syslog, "DEVICES", (str(socket_path),))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(socket_path))
        logs.setup("tests_tool", "info", syslog_facility="LOCAL0")
    logging.getLogger("tests_tool").info("still here")
    shown = capsys.readouterr().err
    assert "still here" in shown
    assert "Traceback" not in shown


def test_syslog_gets_parts_and_the_originals_priorities(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What runs well is a notice, as filters of syslog expect it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as daemon:
        daemon.bind(str(tmp_path / "log"))
        monkeypatch.setattr(syslog, "DEVICES", (str(tmp_path / "log"),))
        logs.setup("tests_tool", "trace", syslog_facility="local0", syslog_name="tool")
        for level in (logs.TRACE, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            logging.getLogger("tests_tool.runner").log(level, "x")
        got = [daemon.recv(4096).decode() for _ in range(5)]
    time = r"[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d"
    for n, packet in zip((5, 6, 5, 4, 3), got, strict=True):
        assert re.fullmatch(rf"<{16 * 8 + n}>{time} tool\[{os.getpid()}\]: \(runner\) x\n", packet)


def a_record(message: str) -> logging.LogRecord:
    """One that shows as ``[INFO] (part)`` and the message."""
    return logging.LogRecord("t.part", 20, "", 0, message, (), None)


def test_a_log_file_is_closed_when_it_has_grown(tmp_path: Path) -> None:
    """The line that makes it too large still belongs to it; none is left empty."""
    handler = logs.RotatingFile(str(tmp_path / "ct.log"), limit_bytes=20, limit_seconds=3600, keep=0)
    for message in ("as long as this", "a", "b"):
        handler.emit(a_record(message))
    handler.close()
    heads = [file.read_text() for file in sorted(tmp_path.iterdir())]
    assert heads == ["[INFO] (part) as long as this\n", "[INFO] (part) a\n[INFO] (part) b\n"]


def test_a_log_file_is_closed_when_it_is_old(tmp_path: Path) -> None:
    """With the next line, however few there are."""
    handler = logs.RotatingFile(str(tmp_path / "ct.log"), limit_bytes=0, limit_seconds=3600, keep=0)
    handler.emit(a_record("a"))
    handler.created -= 3600
    for message in ("b", "c"):
        handler.emit(a_record(message))
    handler.close()
    heads = [file.read_text() for file in sorted(tmp_path.iterdir())]
    assert heads == ["[INFO] (part) a\n", "[INFO] (part) b\n[INFO] (part) c\n"]


def test_a_full_disk_ends_no_tool(tmp_path: Path) -> None:
    """Lines are lost while it is full, and taken again afterwards."""
    handler = logs.RotatingFile(str(tmp_path / "ct.log"), limit_bytes=0, limit_seconds=3600, keep=0)
    with full_disk():
        handler.emit(a_record("lost"))
    handler.emit(a_record("kept"))
    handler.close()
    (file,) = tmp_path.iterdir()
    assert file.read_text() == "[INFO] (part) kept\n"


def test_a_new_start_deletes_old_log_files(tmp_path: Path) -> None:
    """So many are kept beside the new one; files of other names are not touched."""
    for name in ("ct-1000000000000000001.log", "ct-1000000000000000002.log", "ct.log", "other.log"):
        (tmp_path / name).touch()
    for keep in (3, 1):  # the first one has nothing to delete
        logs.RotatingFile(str(tmp_path / "ct.log"), limit_bytes=0, limit_seconds=3600, keep=keep).close()
        assert len(list(tmp_path.iterdir())) == 4 + (keep == 3)
    left = sorted(file.name for file in tmp_path.iterdir())
    assert left[2:] == ["ct.log", "other.log"]
    assert "ct-1000000000000000002.log" not in left


def test_log_files_rotate_by_size(tmp_path: Path) -> None:
    """Every file carries the time in its name, the group may read it, and only some are kept."""
    handler = logs.RotatingFile(str(tmp_path / "ct.log"), limit_bytes=60, limit_seconds=3600, keep=2)
    for n in range(12):
        handler.emit(a_record(f"message {n}"))
    handler.close()
    files = sorted(tmp_path.iterdir())
    assert [bool(re.fullmatch(r"ct-\d{19}\.log", file.name)) for file in files] == [True] * 3
    assert "message 11" in files[-1].read_text()
    assert {file.stat().st_mode & 0o007 for file in files} == {0}


def test_an_impossible_log_file_is_an_error(tmp_path: Path) -> None:
    """The message names the path."""
    with pytest.raises(ConfigError, match="error setting up log_file logging"):
        logs.setup("tests_tool", "info", file_path=str(tmp_path / "no" / "x.log"))
