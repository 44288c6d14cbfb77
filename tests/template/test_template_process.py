"""The template tool as a program: its child, signals, reloads, exit statuses, systemd."""

from __future__ import annotations

import os
import pty
import signal
import socket
import sys
from pathlib import Path

import pytest

from pyconsul.testing import InProcessAgent
from tests.processes import Start, ToolProcess
from tests.waiting import until

# A child that writes down what happens to it, and ends when it is interrupted.
CHILD = """
trap 'echo hup >> log' HUP; trap 'echo usr1 >> log' USR1; trap 'echo int >> log; exit 0' INT
echo start >> log; while :; do sleep 0.02; done
"""
CLEANING = "Cleaning up...\n"
RELOADING = "Reloading configuration...\n"


class TemplateTool(ToolProcess):
    """``py-consul-template`` with a configuration file."""

    program = ("pyconsul_template.main", "-config", "c.hcl")
    ends_with = signal.SIGINT

    def configure(self, text: str) -> None:
        """Write the configuration."""
        (self.folder / "c.hcl").write_text(text)


@pytest.fixture
def tool(start_process: Start, tmp_path: Path) -> TemplateTool:
    """The tool with a child that writes down what happens to it."""
    (tmp_path / "child").write_text(CHILD)
    return TemplateTool(start_process, tmp_path, {})


def template(destination: str, contents: str = "x") -> str:
    """A stanza."""
    return f'template {{ contents = "{contents}" destination = "{destination}" }}\n'


def child(more: str = "") -> str:
    """The stanza of the child."""
    return f'exec {{ command = ["sh", "child"] {more} }}\n'


def test_the_kill_signal_ends_child_and_tool_at_once(tool: TemplateTool) -> None:
    """Nobody waits for a random part of the splay then."""
    tool.configure(template("a") + child('splay = "1h"'))
    process = tool.start()
    tool.comes("start\n")
    assert tool.end(process) == (12, CLEANING)
    assert tool.read() == "start\nint\n"


def test_a_plugin_that_hangs_does_not_hold_up_the_end(tool: TemplateTool) -> None:
    """Nobody waits for what it would have said; it is left to itself, as a command is."""
    plugin = tool.folder / "plugin"
    plugin.write_text("#!/bin/sh\necho $$ > pid; exec sleep 60\n")
    plugin.chmod(0o755)
    tool.configure(template("a", '{{ plugin \\"./plugin\\" }}'))
    process = tool.start()
    until(lambda: tool.read("pid").endswith("\n"))
    assert tool.end(process) == (12, CLEANING)
    os.kill(
        int(tool.read("pid")), signal.SIGKILL
    )  # it is still there: the tool ended before it, or its time limit, did


def test_other_signals_are_passed_to_the_child(tool: TemplateTool) -> None:
    """SIGTERM, too, unless it is the kill signal; the child's end is then the tool's."""
    tool.configure(template("a") + child())
    process = tool.start()
    tool.comes("start\n")
    process.send_signal(signal.SIGUSR1)
    tool.comes("start\nusr1\n")
    status, err = tool.end(process, signal.SIGTERM)
    assert (status, err.partition("[ERR] ")[2]) == (255, "(cli) child process exited with code -1\n")


def test_signals_may_be_others(tool: TemplateTool) -> None:
    """What was a kill signal is then passed on."""
    tool.configure('kill_signal = "SIGTERM" reload_signal = "SIGUSR2"\n' + template("a") + child())
    process = tool.start()
    tool.comes("start\n")
    process.send_signal(signal.SIGHUP)
    tool.comes("start\nhup\n")
    process.send_signal(signal.SIGUSR2)
    tool.comes("start\nhup\nint\nstart\n")
    assert tool.end(process, signal.SIGTERM) == (12, RELOADING + CLEANING)


def test_a_reload_starts_over(tool: TemplateTool) -> None:
    """The child is stopped, configuration and templates are read again, and everything is done anew."""
    tool.configure('pid_file = "p1"\n' + template("a") + child())
    process = tool.start()
    tool.comes("start\n")
    tool.configure('pid_file = "p2"\n' + template("b", "y") + child())
    process.send_signal(signal.SIGHUP)
    tool.comes("start\nint\nstart\n")
    assert (tool.read("b"), tool.read("p1"), tool.read("p2")) == ("y", "", str(process.pid))
    assert tool.end(process) == (12, RELOADING + CLEANING)


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("colour = 1", 15, "'' has invalid keys: colour"),
        ("template {", 15, "from file: c.hcl: error decoding config"),
        ('template { source = "absent" }', 14, "failed to read template: open absent: no such file or directory"),
    ],
)
def test_a_configuration_that_cannot_be_used_ends_the_tool_also_later(
    tool: TemplateTool, text: str, status: int, message: str
) -> None:
    """The child was stopped before."""
    tool.configure(template("a") + child())
    process = tool.start()
    tool.comes("start\n")
    tool.configure(text)
    found, err = tool.end(process, signal.SIGHUP)
    assert (found, tool.read()) == (status, "start\nint\n")
    assert err.startswith(RELOADING) and message in err


@pytest.mark.parametrize("words", [(), ("-once",)])
@pytest.mark.parametrize(
    ("command", "status", "err"),
    [
        ("exit 0", 0, ""),
        ("exit 7", 7, "(cli) child process exited with code 7\n"),
        ("kill -9 $$", 255, "(cli) child process exited with code -1\n"),
    ],
)
def test_the_tool_ends_as_its_child_does(
    tool: TemplateTool, words: tuple[str, ...], command: str, status: int, err: str
) -> None:
    """In one-shot mode, too, where it waits for it."""
    tool.configure(template("a") + f'exec {{ command = ["sh", "-c", "{command}"] }}')
    found, _, said = tool.run(*words)
    assert (found, said.partition("[ERR] ")[2]) == (status, err)


def test_a_child_that_cannot_be_started_ends_the_tool(tool: TemplateTool) -> None:
    """With its reason."""
    tool.configure(template("a") + 'exec { command = ["no-such-program"] }')
    status, _, err = tool.run()
    assert status == 14
    assert err.endswith('child: exec: "no-such-program": executable file not found in $PATH\n')


@pytest.mark.parametrize("is_abstract", [False, True])
def test_systemd_hears_when_everything_is_rendered(tool: TemplateTool, is_abstract: bool) -> None:
    """At its socket in the file system, or at one with a name only."""
    name = f"@pyconsul-template-{os.getpid()}" if is_abstract else str(tool.folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(name.replace("@", "\0"))
        channel.settimeout(60)
        tool.configure(template("a"))
        process = tool.start(NOTIFY_SOCKET=name)
        assert (channel.recv(100), tool.read("a")) == (b"READY=1", "x")
        assert tool.end(process) == (12, CLEANING)


def test_a_terminal_shows_what_is_waited_for(
    tool: TemplateTool, start_process: Start, consul_agent: InProcessAgent
) -> None:
    """A line that is taken away when everything is there. A log has no such thing."""
    tool.configure(f'consul {{ address = "{consul_agent.http_address}" }}' + template("a", "{{ key `late` }}"))
    logging = tool.start()
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", *tool.program]
    process = start_process(command, cwd=tool.folder, env=tool.environment, stderr=theirs)
    os.close(theirs)
    shown = ""
    while "\r\x1b[K0/1 templates, waiting for 1: kv.block(late)" not in shown:
        shown += os.read(ours, 4096).decode()
    consul_agent.client.kv.put("late", "x")
    while not shown.endswith("\r\x1b[K"):
        shown += os.read(ours, 4096).decode()
    os.close(ours)
    assert process.poll() is None
    tool.comes("x", "a")
    assert tool.end(logging) == (12, CLEANING)


def test_a_systemd_that_is_not_there_is_no_reason_to_end(tool: TemplateTool) -> None:
    """It is worth a warning."""
    tool.configure(template("a"))
    status, _, err = tool.run("-once", NOTIFY_SOCKET="absent")
    assert (status, tool.read("a")) == (0, "x")
    assert "[WARN] (cli) failed to signal readiness to systemd: " in err


def test_the_version_stands_on_a_line(tool: TemplateTool) -> None:
    """With whose behaviour it has."""
    tool.configure("")
    assert tool.run("-version") == (0, "consul-template v0.42.1 (py-consul)\n", "")
