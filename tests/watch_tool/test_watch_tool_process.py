"""The watch tool as a program: handlers, state, retries, reload, systemd."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pyconsul.testing import InProcessAgent
from tests.watch_tool.conftest import WatchTool

VALUE = 'sed \'s/.*"Value":"\\([^"]*\\)".*/\\1/\' >> log'  # base64 of the value, one a line
ONE, TWO, THREE = "b25l\n", "dHdv\n", "dGhyZWU=\n"


def key(name: str, handler: str = VALUE, **more: Any) -> dict[str, Any]:
    """A watch of a key."""
    return {"type": "key", "key": name, "id": name, "handler": handler, **more}


def index_of(agent: InProcessAgent, name: str) -> int:
    """The index of a key's last change."""
    found = agent.client.kv.get(name)
    assert found is not None
    return found.ModifyIndex


def test_a_script_is_called_for_each_change(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """With JSON on its standard input, and index and watch in its environment."""
    consul_agent.client.kv.put("a", "one")
    line = ["sh", "-c", 'cat > data; echo "$CONSUL_INDEX $CONSUL_WATCH_ID $0" >> log', "word"]
    tool.configure({"type": "key", "key": "a", "id": "mine", "args": line})
    process = tool.start()
    index = index_of(consul_agent, "a")
    tool.comes(f"{index} mine word\n")
    assert json.loads(tool.read("data"))["Value"] == "b25l"
    consul_agent.client.kv.put("a", "two")
    tool.comes(f"{index} mine word\n{index_of(consul_agent, 'a')} mine word\n")
    assert tool.end(process) == (0, "")


def test_many_watches_of_all_kinds(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """Each runs for itself."""
    stanzas: list[dict[str, Any]] = [
        {"type": "key", "key": "a"},
        {"type": "keyprefix", "prefix": "p/"},
        {"type": "services"},
        {"type": "nodes"},
        {"type": "service", "service": "consul"},
        {"type": "checks", "state": "passing"},
    ]
    tool.configure(*({**s, "handler": f"cat > got-{s['type']}"} for s in stanzas))
    assert tool.run("-once")[:2] == (0, "")
    found = {s["type"]: json.loads(tool.read(f"got-{s['type']}")) for s in stanzas}
    assert (found["key"], found["keyprefix"], found["services"]) == (None, None, {"consul": []})
    assert found["nodes"][0]["Node"] == found["service"][0]["Node"]["Node"] == found["checks"][0]["Node"]


def test_nothing_is_repeated_and_nothing_missed_over_a_restart(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """The state remembers what was delivered; a change while the tool was down is delivered at its start."""
    consul_agent.client.kv.put("a", "one")
    consul_agent.client.kv.put("b", "one")
    tool.configure(key("a"), key("b", "cat >> b.log"), state_file="state.json")
    process = tool.start()
    tool.comes(ONE)
    assert tool.end(process)[0] == 0
    before = tool.read("b.log")
    consul_agent.client.kv.put("a", "two")
    assert tool.run("-once")[0] == 0
    assert (tool.read(), tool.read("b.log")) == (ONE + TWO, before)
    assert tool.run("-once")[0] == 0
    assert tool.read() == ONE + TWO


def test_events_are_delivered_once_each(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """Also those that were fired while the tool was down."""
    names = "tr ',' '\\n' | sed -n 's/.*\"Payload\":\"\\(.*\\)\".*/\\1/p' >> log"
    tool.configure({"type": "event", "name": "deploy", "handler": names}, state_file="state.json")
    consul_agent.client.event.fire("deploy", b"one")
    process = tool.start()
    tool.comes(ONE)
    consul_agent.client.event.fire("deploy", b"two")
    tool.comes(ONE + TWO)
    tool.end(process)
    consul_agent.client.event.fire("deploy", b"three")
    tool.run("-once")
    tool.run("-once")
    assert tool.read() == ONE + TWO + THREE


def test_a_failing_handler_is_called_again(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """Until it takes the value; its output is logged."""
    consul_agent.client.kv.put("a", "one")
    tool.configure(key("a", "echo try >> log; echo sorry; test $(wc -l < log) -ge 3"))
    process = tool.start()
    tool.comes("try\ntry\ntry\n")
    _, err = tool.end(process)
    assert err.count("exit status 1, output: sorry (attempt") == 2


def test_a_value_that_was_never_taken_comes_again_after_a_restart(
    tool: WatchTool, consul_agent: InProcessAgent
) -> None:
    """Given up is not delivered."""
    consul_agent.client.kv.put("a", "one")
    tool.configure(key("a", "echo try >> log; exit 1"), state_file="state.json", retry={"enabled": False})
    assert tool.run("-once")[0] == 1
    assert tool.run("-once")[0] == 1
    assert tool.read() == "try\ntry\n"


def test_a_newer_value_replaces_one_that_is_refused(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """There is no point in handing over what is no longer true."""
    consul_agent.client.kv.put("a", "one")
    refuse = "grep -q b25l && { echo refused >> log; exit 1; }; echo taken >> log"
    tool.configure(key("a", refuse), retry={"backoff": "1h", "max_backoff": "1h"})
    tool.start()
    tool.comes("refused\n")
    consul_agent.client.kv.put("a", "two")
    tool.comes("refused\ntaken\n")


def test_a_handler_that_takes_too_long_is_killed(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """With all that it started."""
    consul_agent.client.kv.put("a", "one")
    tool.configure(key("a", "sleep 60; echo never >> log", timeout="100ms"), retry={"enabled": False})
    status, _, err = tool.run("-once")
    assert (status, tool.read()) == (1, "")
    assert "did not end within 0.1s" in err


def test_a_handler_that_cannot_be_started(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """Is a failure like any other."""
    tool.configure({"type": "nodes", "args": ["./no-such"]}, retry={"enabled": False})
    status, _, err = tool.run("-once")
    assert status == 1
    assert "no-such: no such file or directory" in err


def test_no_more_handlers_at_once_than_allowed(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """With one slot no two overlap."""
    handler = "mkdir busy || echo overlap >> log; cat > /dev/null; rmdir busy"
    tool.configure(*(key(f"k{n}", handler) for n in range(6)), concurrency=1)
    assert tool.run("-once")[0] == 0
    assert tool.read() == ""


def test_skip_first_waits_for_a_change(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """What is there at the first start is taken as known, and that is remembered."""
    consul_agent.client.kv.put("a", "one")
    tool.configure(key("a", skip_first=True), state_file="state.json")
    assert tool.run("-once")[0] == 0
    assert tool.read() == ""
    consul_agent.client.kv.put("a", "two")
    assert tool.run("-once")[0] == 0
    assert tool.read() == TWO


class Receiver(BaseHTTPRequestHandler):
    """Takes calls of HTTP handlers; the first answer is a refusal."""

    heard: list[tuple[str, str, dict[str, str], bytes]]

    def do_PUT(self) -> None:
        """Take one."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        Receiver.heard.append((self.command, self.path, dict(self.headers), body))
        self.send_response(503 if len(Receiver.heard) == 1 else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[str]:
    """A web server; its address."""
    Receiver.heard = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_http_handlers(tool: WatchTool, consul_agent: InProcessAgent, receiver: str) -> None:
    """Method, headers, index and body are sent; a refusal is tried again."""
    consul_agent.client.kv.put("a", "one")
    config = {"path": f"{receiver}/hook", "method": "PUT", "header": {"X-Who": ["me"]}, "timeout": "5s"}
    tool.configure({"type": "key", "key": "a", "handler_type": "http", "http_handler_config": config})
    assert tool.run("-once")[0] == 0
    assert len(Receiver.heard) == 2
    method, path, headers, body = Receiver.heard[1]
    assert (method, path, headers["X-Who"], headers["Content-Type"]) == ("PUT", "/hook", "me", "application/json")
    assert headers["X-Consul-Index"] == str(index_of(consul_agent, "a"))
    assert json.loads(body)["Value"] == "b25l"


def test_sighup_changes_what_changed(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """A new watch starts, one that stayed is not called again, and a mistake changes nothing."""
    consul_agent.client.kv.put("a", "one")
    consul_agent.client.kv.put("b", "two")
    tool.configure(key("a"))
    process = tool.start()
    tool.comes(ONE)
    tool.configure(key("a"), key("b"))
    process.send_signal(signal.SIGHUP)
    tool.comes(ONE + TWO)
    (tool.folder / "w.json").write_text("{")
    process.send_signal(signal.SIGHUP)
    consul_agent.client.kv.put("b", "three")
    tool.comes(ONE + TWO + THREE)
    assert "the configuration stays as it was" in tool.end(process)[1]


def test_sighup_may_lead_to_another_consul(
    tool: WatchTool, consul_agent: InProcessAgent, make_consul_agent: Callable[..., InProcessAgent]
) -> None:
    """All watches begin anew there; what it has is news."""
    other = make_consul_agent()
    consul_agent.client.kv.put("a", "one")
    other.client.kv.put("a", "two")
    tool.configure(key("a"), consul={"address": consul_agent.http_address})
    process = tool.start()
    tool.comes(ONE)
    tool.configure(key("a"), consul={"address": other.http_address})
    process.send_signal(signal.SIGHUP)
    tool.comes(ONE + TWO)
    other.client.kv.put("a", "three")
    tool.comes(ONE + TWO + THREE)
    assert tool.end(process)[0] == 0


def test_a_running_handler_may_end(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """SIGTERM starts nothing new, but waits for what runs."""
    consul_agent.client.kv.put("a", "one")
    tool.configure(key("a", "echo begun >> log; until test -e go; do sleep 0.02; done; echo done >> log"))
    process = tool.start()
    tool.comes("begun\n")
    process.send_signal(signal.SIGTERM)
    (tool.folder / "go").touch()
    process.communicate(timeout=60)
    assert (process.returncode, tool.read()) == (0, "begun\ndone\n")


def test_a_handler_that_does_not_end_in_the_grace_period_is_killed(
    tool: WatchTool, consul_agent: InProcessAgent
) -> None:
    """The tool does not hang; SIGINT ends with 12."""
    consul_agent.client.kv.put("a", "one")
    tool.configure(key("a", "echo begun >> log; sleep 60"), grace="100ms")
    process = tool.start()
    tool.comes("begun\n")
    status, err = tool.end(process, signal.SIGINT)
    assert status == 12
    assert "did not end in time and is killed" in err


def test_systemd_hears_how_things_stand(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """Ready once all watches have an answer, signs of life, the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tool.folder / "notify"))
        channel.settimeout(60)
        tool.configure(key("a"))
        process = tool.start(NOTIFY_SOCKET=str(tool.folder / "notify"), WATCHDOG_USEC="200000")
        heard = ""
        while "READY=1\nSTATUS=1 watches" not in heard or "WATCHDOG=1" not in heard:
            heard += channel.recv(4096).decode() + "\n"
        process.send_signal(signal.SIGTERM)
        while "STOPPING=1" not in heard:
            heard += channel.recv(4096).decode() + "\n"
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_systemd_hears_of_a_reload(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """When it begins, as systemd wants it with the time, and when it is over."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tool.folder / "notify"))
        channel.settimeout(60)
        tool.configure(key("a"))
        process = tool.start(NOTIFY_SOCKET=str(tool.folder / "notify"))
        heard = [channel.recv(4096).decode()]
        process.send_signal(signal.SIGHUP)
        while sum("READY=1" in message for message in heard) < 2:
            heard.append(channel.recv(4096).decode())
        assert tool.end(process)[0] == 0
    first, *others = (message for message in heard if "=1\n" in message)
    assert first.startswith("READY=1\n")
    assert [message.partition("=")[0] for message in others] == ["RELOADING", "READY"]
    assert "\nMONOTONIC_USEC=" in others[0]


def test_systemd_does_not_wait_for_an_agent(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """One that is not there is asked again and again; what waits for the tool goes on."""
    tool.configure(key("a"))
    address = consul_agent.http_address
    consul_agent.stop()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.bind(str(tool.folder / "notify"))
        channel.settimeout(60)
        process = tool.start("-http-addr", address, NOTIFY_SOCKET=str(tool.folder / "notify"))
        assert channel.recv(4096).startswith(b"READY=1\n")
        status, err = tool.end(process)
    assert (status, "connection refused" in err) == (0, True)


def test_attempts_are_counted(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """In the log; their pauses double."""
    consul_agent.client.kv.put("a", "one")
    tool.configure(key("a", "exit 3"), retry={"backoff": "10ms", "max_backoff": "1s", "attempts": 2})
    status, _, err = tool.run("-once")
    told = [line.partition("a: ")[2].partition("(")[2] for line in err.splitlines() if "attempt" in line]
    wanted = ["attempt 1, next after 10ms)", "attempt 2, next after 20ms)", "given up after 3 attempts)"]
    assert (status, told) == (1, wanted)


def test_what_is_not_watched_any_more_is_forgotten(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """A watch that comes back is a new one."""
    for name in ("a", "b"):
        consul_agent.client.kv.put(name, "one")
    tool.configure(key("a"), key("b"), state_file="state.json")
    assert tool.run("-once")[0] == 0
    assert '"b"' in tool.read("state.json")
    tool.configure(key("a"), state_file="state.json")
    process = tool.start()
    consul_agent.client.kv.put("a", "two")
    tool.comes(ONE + ONE + TWO)
    assert tool.end(process)[0] == 0
    assert '"b"' not in tool.read("state.json")


def test_an_agent_that_is_not_there_is_asked_again(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """With a pause that grows; the tool goes on, and says what is wrong."""
    tool.configure(key("a"))
    address = consul_agent.http_address
    consul_agent.stop()
    status, _, err = tool.run("-once", "-http-addr", address)
    assert status == 1
    assert "connection refused" in err


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["-colour"], 13, "flag provided but not defined: -colour\n"),
        (["-config", "none"], 15, "missing file/folder: none: stat none: no such file or directory\n"),
        (["-log-level", "loud"], 15, 'invalid log level "LOUD", valid log levels are TRACE, DEBUG, INFO, WARN, ERR\n'),
        (["-state-file", "w.json"], 15, "not a state file of this version\n"),
    ],
)
def test_exit_statuses(words: list[str], status: int, message: str, tool: WatchTool) -> None:
    """As the other tools have them."""
    tool.configure(key("a"))
    found, _, err = tool.run(*words)
    assert (found, err.endswith(message)) == (status, True), err


def test_a_state_file_has_one_user(tool: WatchTool, consul_agent: InProcessAgent) -> None:
    """Two processes with one memory would call everything twice; the second one ends."""
    consul_agent.client.kv.put("a", "one")
    tool.configure(key("a"), state_file="state.json")
    tool.start()
    tool.comes(ONE)
    status, _, err = tool.run("-once")
    assert status == 15
    assert "is in use by another process" in err


def test_validate_only_looks(tool: WatchTool) -> None:
    """No handler is called."""
    tool.configure(key("a", "touch log"))
    assert tool.run("-validate")[:2] == (0, "Configuration is valid! 1 watches\n")
    assert tool.read() == ""
