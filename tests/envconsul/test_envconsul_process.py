"""The environment tool as a program, with an agent and real children."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pyconsul.testing import InProcessAgent
from tests.envconsul.conftest import MakeTool, Tool

LOOP = "while :; do sleep 0.05; done\n"


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address that nobody listens on, while the test lasts."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


def test_the_child_gets_what_is_below_the_prefix(tool: Tool, consul_agent: InProcessAgent) -> None:
    """As the demo runs it: fetched variables only, in upper case."""
    consul_agent.client.kv.put("apps/shop/database_host", "db1")
    consul_agent.client.kv.put("apps/shop/raw", b"\xff")
    status, out, err = tool.run("-pristine", "-upcase", "-once", "-prefix", "apps/shop", "printf %s $DATABASE_HOST")
    assert (status, out, err) == (0, "db1", "")


def test_services_have_variables(tool: Tool, consul_agent: InProcessAgent) -> None:
    """A format flag names one of them."""
    consul_agent.client.agent.register_service({"Name": "pg", "Port": 5432, "Tags": ["v9", "a"], "Address": "10.1.1.1"})
    consul_agent.client.kv.put("x", "1")
    status, out, _ = tool.run(
        "-once", "-pristine", "-service-query", "pg", "-service-format-port", "PORT", "/usr/bin/env"
    )
    assert status == 0
    assert sorted(out.splitlines()) == ["PORT=5432", "pg/address=10.1.1.1", "pg/id=pg", "pg/name=pg", "pg/tag=a,v9"]


def test_a_service_may_have_no_more_than_a_name(tool: Tool, consul_agent: InProcessAgent) -> None:
    """Its variables are there all the same."""
    consul_agent.client.agent.register_service({"Name": "cron"})
    _, out, _ = tool.run("-once", "-pristine", "-service-query", "cron", "/usr/bin/env")
    assert sorted(out.splitlines()) == ["cron/address=", "cron/id=cron", "cron/name=cron", "cron/port=0", "cron/tag="]


def test_a_change_restarts_the_child(tool: Tool, consul_agent: InProcessAgent) -> None:
    """It gets its kill signal and the new values; SIGINT ends both."""
    consul_agent.client.kv.put("c/V", "one")
    child = tool.script("child.sh", f"trap 'echo int >> log; exit 0' INT\necho $V >> log\n{LOOP}")
    process = tool.start("-prefix", "c", child)
    tool.comes("one\n")
    consul_agent.client.kv.put("c/V", "two")
    tool.comes("one\nint\ntwo\n")
    status, err = tool.end(process)
    assert (status, err) == (12, "Cleaning up...\n")
    tool.comes("one\nint\ntwo\nint\n")


def test_what_does_not_matter_to_the_child_does_not_restart_it(tool: Tool, consul_agent: InProcessAgent) -> None:
    """Also not after a change that did."""
    consul_agent.client.kv.put("c/V", "one")
    consul_agent.client.kv.put("d/W", "1")
    (tool.folder / "c.hcl").write_text('prefix { path = "c" } prefix { path = "d" reload = false }')
    child = tool.script("child.sh", f"trap 'echo int >> log; exit 0' INT\necho $V $W >> log\n{LOOP}")
    process = tool.start("-config", "c.hcl", "-log-level", "info", child)
    tool.comes("one 1\n")
    consul_agent.client.kv.put("c/V", "two")
    tool.comes("one 1\nint\ntwo 1\n")
    consul_agent.client.kv.put("d/W", "2")
    assert process.stderr is not None
    assert any("environment was the same" in line for line in process.stderr)
    consul_agent.client.kv.put("c/V", "three")
    tool.comes("one 1\nint\ntwo 1\nint\nthree 2\n")
    assert tool.end(process)[0] == 12


def test_a_reload_signal_is_sent_in_place_of_a_restart(tool: Tool, consul_agent: InProcessAgent) -> None:
    """The original takes the key and restarts nevertheless; here the child is told."""
    consul_agent.client.kv.put("c/V", "one")
    child = tool.script("child.sh", f"trap 'echo usr1 >> log' USR1\necho $V >> log\n{LOOP}")
    tool.start("-exec-reload-signal", "SIGUSR1", "-prefix", "c", child)
    tool.comes("one\n")
    consul_agent.client.kv.put("c/V", "two")
    tool.comes("one\nusr1\n")


def test_no_restart_leaves_the_child_alone(tool: Tool, consul_agent: InProcessAgent) -> None:
    """The command for changes runs with the new values; the child goes on with the former ones."""
    consul_agent.client.kv.put("c/V", "one")
    child = tool.script("child.sh", f"trap 'echo $V >> log; exit 0' INT\necho $V >> log\n{LOOP}")
    process = tool.start("-no-restart", "-change-command", "echo changed $V >> log", "-prefix", "c", child)
    tool.comes("one\n")
    consul_agent.client.kv.put("c/V", "two")
    tool.comes("one\nchanged two\n")
    assert tool.end(process)[0] == 12
    tool.comes("one\nchanged two\none\n")


def test_a_failing_change_command_holds_the_restart_back(tool: Tool, consul_agent: InProcessAgent) -> None:
    """The change is refused and said so; the next good one is taken over."""
    consul_agent.client.kv.put("c/V", "one")
    child = tool.script("child.sh", f"trap 'exit 0' INT\necho $V >> log\n{LOOP}")
    check = tool.script("check.sh", 'echo check $V >> log; test "$V" != bad')
    process = tool.start("-change-command", check, "-prefix", "c", child)
    tool.comes("one\n")
    consul_agent.client.kv.put("c/V", "bad")
    tool.comes("one\ncheck bad\n")
    consul_agent.client.kv.put("c/V", "good")
    tool.comes("one\ncheck bad\ncheck good\ngood\n")
    assert "change command failed, the child process is left alone" in tool.end(process)[1]


def test_changes_that_come_together_restart_once(tool: Tool, consul_agent: InProcessAgent) -> None:
    """The timer starts anew with each change."""
    consul_agent.client.kv.put("c/V", "0")
    child = tool.script("child.sh", f"trap 'exit 0' INT\necho $V >> log\n{LOOP}")
    tool.start("-wait", "2s:30s", "-prefix", "c", child)
    tool.comes("0\n")
    for value in "123":
        consul_agent.client.kv.put("c/V", value)
    tool.comes("0\n3\n")


def test_reload_false_of_a_prefix(tool: Tool, consul_agent: InProcessAgent) -> None:
    """A change there restarts nothing, but is there when something else does."""
    consul_agent.client.kv.put("quiet/Q", "1")
    consul_agent.client.kv.put("c/V", "one")
    (tool.folder / "c.hcl").write_text('prefix { path = "quiet" reload = false } prefix { path = "c" }')
    child = tool.script("child.sh", f"trap 'exit 0' INT\necho $Q $V >> log\n{LOOP}")
    tool.start("-config", "c.hcl", "-wait", "2s:30s", child)  # long enough for both changes to have arrived
    tool.comes("1 one\n")
    consul_agent.client.kv.put("quiet/Q", "2")
    consul_agent.client.kv.put("c/V", "two")
    tool.comes("1 one\n2 two\n")


def test_sighup_reads_the_configuration_again(tool: Tool, consul_agent: InProcessAgent) -> None:
    """The child is stopped and started with what the files say now; a mistake then ends the tool."""
    consul_agent.client.kv.put("a/V", "from-a")
    consul_agent.client.kv.put("b/V", "from-b")
    config = tool.folder / "c.hcl"
    config.write_text('prefix { path = "a" }')
    process = tool.start("-config", "c.hcl", tool.script("child.sh", f"trap 'exit 0' INT\necho $V >> log\n{LOOP}"))
    tool.comes("from-a\n")
    config.write_text('prefix { path = "b" }')
    process.send_signal(signal.SIGHUP)
    tool.comes("from-a\nfrom-b\n")
    config.write_text("prefix {")
    assert tool.end(process, signal.SIGHUP)[0] == 15


def test_other_signals_reach_the_child_and_its_status_comes_back(tool: Tool, consul_agent: InProcessAgent) -> None:
    """SIGTERM is the child's affair; what it ends with is what the tool ends with."""
    consul_agent.client.kv.put("c/V", "one")
    child = tool.script("child.sh", f"trap 'exit 5' TERM\necho up >> log\n{LOOP}")
    process = tool.start("-prefix", "c", child)
    tool.comes("up\n")
    status, err = tool.end(process, signal.SIGTERM)
    assert status == 5
    assert err.endswith(" [ERROR] envconsul: unexpected exit from subprocess (5)\n")


def test_a_child_that_ignores_its_kill_signal_is_killed(tool: Tool, consul_agent: InProcessAgent) -> None:
    """After the time limit."""
    consul_agent.client.kv.put("c/V", "one")
    child = tool.script("child.sh", f"trap '' INT\necho up >> log\n{LOOP}")
    process = tool.start("-exec-kill-timeout", "100ms", "-prefix", "c", child)
    tool.comes("up\n")
    assert tool.end(process)[0] == 12


def test_a_child_that_a_signal_ended(tool: Tool) -> None:
    """The system's 255, and -1 in the log, as Go has it."""
    status, _, err = tool.run("-once", "kill -9 $$")
    assert status == 255
    assert "unexpected exit from subprocess (-1)" in err


def test_without_sources_the_child_starts_at_once(make_tool: MakeTool) -> None:
    """There is nothing to wait for, not even an agent."""
    assert make_tool().run("echo hello there")[:2] == (0, "hello there\n")


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["-once"], 15, "[ERROR] envconsul: No command given\n"),
        (["-config", "nope", "true"], 15, "[ERROR] missing file/folder: nope: stat nope: no such file or directory\n"),
        (["-log-level", "loud", "true"], 15, "[ERROR] invalid log level: LOUD\n"),
        (["-colour"], 13, "flag provided but not defined: -colour\n"),
        (["-prefix", "@", "true"], 14, '[ERROR] envconsul: kv.list: invalid format: "@"\n'),
        (["nosuch"], 14, 'envconsul: starting child: exec: "nosuch": executable file not found in $PATH\n'),
        (["-pid-file", "/dev/null/x", "true"], 14, "could not open pid file: open /dev/null/x: not a directory\n"),
    ],
)
def test_exit_statuses(words: list[str], status: int, message: str, make_tool: MakeTool) -> None:
    """One for each kind of mistake, and its sentence."""
    found, _, err = make_tool().run(*words)
    assert (found, err.endswith(message)) == (status, True), err


def test_one_shot_mode_ends_when_retrying_is_over(make_tool: MakeTool, nowhere: str) -> None:
    """The original waits for ever; the pauses and the end are logged."""
    tool = make_tool(CONSUL_HTTP_ADDR=nowhere)
    status, out, err = tool.run(
        "-once", "-consul-retry-attempts", "2", "-consul-retry-backoff", "10ms", "-prefix", "c", "echo never"
    )
    assert (status, out) == (14, "")
    assert 'connection refused (retry attempt 1 after "10ms")' in err
    assert "connection refused (exceeded maximum retries)" in err


class Flaky(BaseHTTPRequestHandler):
    """Fails twice, then has one pair."""

    left = 2

    def do_GET(self) -> None:
        """Answer."""
        failing = Flaky.left > 0
        Flaky.left -= failing
        body = b"No cluster leader" if failing else b'[{"Key":"c/V","Value":"dg=="}]'
        self.send_response(500 if failing else 200)
        self.send_header("X-Consul-Index", "7")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def test_errors_are_tried_again(make_tool: MakeTool) -> None:
    """The original asks once and then waits for ever; here the child starts once there are data."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Flaky)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        tool = make_tool(CONSUL_HTTP_ADDR=f"127.0.0.1:{server.server_address[1]}")
        status, out, err = tool.run("-once", "-consul-retry-backoff", "10ms", "-prefix", "c", "echo got $V")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert (status, out) == (0, "got v\n")
    assert 'Unexpected response code: 500 (No cluster leader) (retry attempt 2 after "20ms")' in err


def test_the_process_id_is_in_its_file_while_it_runs(tool: Tool, consul_agent: InProcessAgent) -> None:
    """And the file is gone afterwards."""
    consul_agent.client.kv.put("c/V", "one")
    process = tool.start("-pid-file", "p.pid", "-prefix", "c", tool.script("c.sh", f"echo up >> log\n{LOOP}"))
    tool.comes("up\n")
    assert (tool.folder / "p.pid").read_text() == str(process.pid)
    assert tool.end(process)[0] == 12
    assert not (tool.folder / "p.pid").exists()


def test_version_and_help(make_tool: MakeTool) -> None:
    """Both on standard output."""
    assert make_tool().run("-v")[:2] == (0, "envconsul v0.13.4 (py-consul)\n")
    status, out, _ = make_tool().run("-h")
    assert (status, out.startswith("Usage: envconsul [options] <command>\n")) == (0, True)


def test_the_last_line_tells_why_it_ended(tool: Tool, consul_agent: InProcessAgent) -> None:
    """Whatever the log says of the stop stands before it."""
    consul_agent.client.kv.put("c/V", "one")
    status, _, err = tool.run("-once", "-log-level", "info", "-prefix", "c", "exit 7")
    assert status == 7
    assert err.endswith("[ERROR] envconsul: unexpected exit from subprocess (7)\n")


def test_an_unsafe_connection_is_told_by_the_clients(tool: Tool, nowhere: str) -> None:
    """The part of the line is the one that the original shares with the template tool."""
    words = ("-consul-retry=false", "-consul-ssl", "-consul-ssl-verify=false", "-consul-addr", nowhere)
    status, _, err = tool.run("-once", *words, "-prefix", "c", "true")
    assert status == 14
    assert "[WARN]  envconsul: (clients) disabling consul SSL verification\n" in err


def test_a_folder_as_pid_file_is_left_alone(tool: Tool, nowhere: str) -> None:
    """That it cannot be removed is told in the original's words, not the interpreter's."""
    status, _, err = tool.run("-consul-addr", nowhere, "-pid-file", ".", "-prefix", "c", "true")
    assert status == 14
    assert 'could not remove pid at ".": runner: specified pid file path is directory\n' in err
