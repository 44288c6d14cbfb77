"""``py-consul agent`` as a process: banner, signals, exit codes, refusals, reload, log lines."""

import json
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import pytest

from pyconsul.testing.ports import free_ports

LEAVES = ("-hcl=skip_leave_on_interrupt = false", '-hcl=performance { leave_drain_time = "1ms" }')
RUN = [sys.executable, "-c", "from pyconsul.cli.main import entry; entry()"]


class Process:
    """A running agent, its configuration file, and the lines it has said."""

    def __init__(self, start_process: Callable[..., subprocess.Popen[str]], folder: Path, *flags: str) -> None:
        names = ("http", "dns", "server", "serf_lan", "serf_wan")
        self.ports = dict(zip(names, free_ports(5), strict=True))
        self.file = folder / "agent.json"
        self.write()
        command = [*RUN, "agent", "-dev", "-node=n1", "-bind=127.0.0.1", f"-config-file={self.file}", *flags]
        self.process = start_process(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines: list[str] = []

    def write(self, **more: object) -> None:
        """Write the configuration file."""
        self.file.write_text(json.dumps({"ports": self.ports | {"grpc": -1, "grpc_tls": -1}} | more))

    def until(self, text: str) -> str:
        """Read lines up to one with this text; returns it. Fails when the agent ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return line
        raise AssertionError(f"no {text!r} in:\n{''.join(self.lines)}")

    def end(self) -> int:
        """Read what is left and return the exit code."""
        assert self.process.stdout is not None
        self.lines += self.process.stdout.readlines()
        return self.process.wait(60)

    @property
    def said(self) -> str:
        """All lines so far."""
        return "".join(self.lines)

    def leader(self) -> str:
        """What ``/v1/status/leader`` answers."""
        with closing(HTTPConnection("127.0.0.1", self.ports["http"], timeout=60)) as connection:
            connection.request("GET", "/v1/status/leader")
            return connection.getresponse().read().decode()


@pytest.fixture(name="agent")
def agent_fixture(start_process: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> Callable[..., Process]:
    """Starts agents."""
    return partial(Process, start_process, tmp_path)


@contextmanager
def held_port(host: str = "127.0.0.1") -> Generator[int]:
    """A port that somebody listens on."""
    with socket.create_server((host, 0)) as sock:
        yield sock.getsockname()[1]


def test_an_agent_says_what_it_is_and_a_graceful_leave_ends_it(agent: Callable[..., Process], tmp_path: Path) -> None:
    """Banner and log lines in Consul's layout, a pid file while it runs, exit code 0 after a graceful leave."""
    pid = tmp_path / "pid"
    running = agent(f"-pid-file={pid}", *LEAVES)
    running.until("Consul agent running!")
    assert running.lines[0] == "==> Starting Consul agent...\n"
    assert re.search(r"^ +Node name: 'n1'\n +Datacenter: 'dc1' \(Segment: '<all>'\)$", running.said, re.MULTILINE)
    assert pid.read_text().strip() == str(running.process.pid)
    assert running.leader() == f'"127.0.0.1:{running.ports["server"]}"'
    running.process.send_signal(signal.SIGINT)
    assert running.end() == 0
    for text in ("Caught: signal=interrupt", "Gracefully shutting down agent...", "Graceful exit completed"):
        assert f"[INFO]  agent: {text}" in running.said
    assert running.lines[-1].endswith("[INFO]  agent: Exit code: code=0\n") and not pid.exists()


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupt")], ids=["TERM", "INT"]
)
def test_a_server_ends_without_leaving(number: signal.Signals, name: str, agent: Callable[..., Process]) -> None:
    """Exit code 1 for both signals, as from Consul."""
    running = agent()
    running.until("Consul agent running!")
    running.process.send_signal(number)
    assert running.end() == 1
    assert f"Caught: signal={name}" in running.said and "Graceful shutdown disabled. Exiting" in running.said


def test_a_second_signal_ends_an_agent_that_takes_its_leave(agent: Callable[..., Process]) -> None:
    """Who cannot wait for the drain need not."""
    running = agent('-hcl=leave_on_terminate = true performance { leave_drain_time = "14s" }')
    running.until("Consul agent running!")
    running.process.send_signal(signal.SIGTERM)
    running.until("[INFO]  agent.server: Waiting to drain RPC traffic: drain_time=14s")
    running.process.send_signal(signal.SIGTERM)
    assert running.end() == 1
    assert "[INFO]  agent: Caught second signal, Exiting: signal=terminated\n" in running.said


def test_an_agent_that_must_quit_tells_where_it_was(agent: Callable[..., Process]) -> None:
    """As Go's programs do, also where a shell started them in the background: who finds one that hangs learns where."""
    before = signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    try:
        running = agent()
    finally:
        signal.signal(signal.SIGQUIT, before)
    running.until("Consul agent running!")
    running.process.send_signal(signal.SIGQUIT)
    assert running.end() == -signal.SIGQUIT
    assert "(most recent call first)" in running.said and "in _run" in running.said


def test_the_log_tells_of_the_lead_and_of_the_end_in_words_that_people_wait_for(agent: Callable[..., Process]) -> None:
    """Scripts look for them to learn whether a server is of use yet, or gone."""
    running = agent("-log-level=info", *LEAVES)
    running.until("Consul agent running!")
    running.process.send_signal(signal.SIGINT)
    running.end()
    dns = running.ports["dns"]
    for text in (
        "agent.server: cluster leadership acquired",
        "agent.server: member joined, marking health alive: member=n1 partition=default",
        "agent.server: New leader elected: payload=n1",
        "agent.server: server starting leave",
        f"agent.dns: Stopping server: protocol=DNS address=127.0.0.1:{dns} network=udp",
        "agent: Endpoints down",
        "agent.server: shutting down server",
        "agent: consul server down",
    ):
        assert f"[INFO]  {text}\n" in running.said


def test_a_pid_file_that_cannot_be_written_ends_the_start(agent: Callable[..., Process], tmp_path: Path) -> None:
    """Nobody would find the process."""
    running = agent(f"-pid-file={tmp_path / 'none' / 'pid'}")
    assert running.end() == 1
    assert "Could not open pid file" in running.said


def test_a_start_that_fails_leaves_the_pid_file_of_the_agent_that_runs(
    agent: Callable[..., Process], tmp_path: Path
) -> None:
    """Who starts an agent twice by mistake can still stop the first one by its file."""
    pid = tmp_path / "pid"
    first = agent(f"-pid-file={pid}")
    first.until("Consul agent running!")
    second = agent(f"-pid-file={pid}", f"-http-port={first.ports['http']}")
    assert second.end() == 1 and "address already in use" in second.said
    assert pid.read_text() == str(first.process.pid)


def test_the_data_of_a_dev_agent_is_gone_with_it_whatever_folder_it_has(
    agent: Callable[..., Process], tmp_path: Path
) -> None:
    """The folder keeps what is the agent's own, as its node ID; container images give one to each agent."""
    folder = tmp_path / "data"
    identities: list[str] = []
    for _ in range(2):
        running = agent(f"-data-dir={folder}")
        running.until("Consul agent running!")
        with closing(HTTPConnection("127.0.0.1", running.ports["http"], timeout=60)) as connection:
            connection.request("GET", "/v1/kv/a")
            assert connection.getresponse().read() == b""
            connection.request("PUT", "/v1/kv/a", b"1")
            assert connection.getresponse().read().strip() == b"true"
        running.process.send_signal(signal.SIGINT)
        running.end()
        identities.append((folder / "node-id").read_text())
    assert identities[0] == identities[1]
    assert not (folder / "raft").exists()


def test_a_pid_file_that_cannot_be_removed_is_told(agent: Callable[..., Process], tmp_path: Path) -> None:
    """The exit code tells of the agent, not of the file."""
    pid = tmp_path / "pid"
    running = agent(f"-pid-file={pid}", *LEAVES)
    running.until("Consul agent running!")
    pid.unlink()
    pid.mkdir()
    running.process.send_signal(signal.SIGINT)
    assert running.end() == 0
    assert f'agent: could not delete pid file: error="Could not remove pid file: remove {pid}: ' in running.said


def test_hangup_reloads_and_a_broken_file_changes_nothing(agent: Callable[..., Process]) -> None:
    """Also one whose watches or services are wrong; the agent goes on. What is odd in it is told again."""
    running = agent()
    running.until("Consul agent running!")
    running.file.write_text("{")
    running.process.send_signal(signal.SIGHUP)
    assert "[ERROR] agent: Reload config failed: error=" in running.until("Reload config failed")
    running.write(service={"name": "web", "port": 80}, acl_datacenter="dc1")
    running.process.send_signal(signal.SIGHUP)
    assert "[WARN]  agent.auto_config: The 'acl_datacenter' field is deprecated." in running.until("acl_datacenter")
    running.until("Synced service: service=web")
    assert running.leader()


def test_an_agent_that_is_asked_for_figures_goes_on(agent: Callable[..., Process]) -> None:
    """SIGUSR1 would end a program that does not heed it."""
    running = agent()
    running.until("Consul agent running!")
    running.process.send_signal(signal.SIGUSR1)
    running.process.send_signal(signal.SIGHUP)
    running.until("Caught: signal=hangup")
    assert running.leader()


def test_json_logs_are_json_from_the_first_line(agent: Callable[..., Process]) -> None:
    """With ``-log-json`` no banner stands in the way of whoever parses the output."""
    running = agent("-log-json")
    running.until("Consul agent running!")
    running.process.send_signal(signal.SIGTERM)
    assert running.end() == 1
    found = [json.loads(line) for line in running.lines]
    assert {"@level", "@message", "@module", "@timestamp"} <= set(found[0])


def test_a_port_in_use_ends_the_start(agent: Callable[..., Process]) -> None:
    """With the address in the message and exit code 1."""
    with held_port() as port:
        running = agent(f"-http-port={port}")
        assert running.end() == 1
    assert f"127.0.0.1:{port}: bind: address already in use" in running.said
    assert "[ERROR] agent: Error starting agent: error=" in running.said


def test_an_address_of_another_host_ends_the_start(agent: Callable[..., Process]) -> None:
    """Others would be told where nobody is; 192.0.2.0/24 is kept for documentation (RFC 5737)."""
    running = agent("-bind=192.0.2.1")
    assert running.end() == 1
    text = f"listen tcp 192.0.2.1:{running.ports['server']}: bind: cannot assign requested address"
    assert f'error="Failed to start Consul server: Failed to start RPC layer: {text}"' in running.said


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["-log-level=loud"], "Invalid log level: loud. Valid log levels are: [TRACE DEBUG INFO WARN ERR ERROR]"),
        (["-hcl=nonsense = 1"], "invalid config key nonsense"),
        (['-hcl=acl { default_policy = "odd" }'], "Unsupported default ACL policy: odd"),
        (['-hcl=acl { down_policy = "odd" }'], "Failed to start Consul server: Unsupported down ACL policy: odd"),
        (["-protocol=1"], "Failed to start Consul server: Protocol version '1' too low. Must be in range: [2, 3]"),
        (
            ['-hcl=raft_snapshot_interval = "1ms"'],
            "Failed to start Consul server: Failed to start Raft: SnapshotInterval is too low",
        ),
        (['-hcl=primary_datacenter = "dc2"'], "primary_datacenter: federations of datacenters are not available yet"),
        (["-encrypt=YWJj"], "Failed to configure keyring: key size must be 16, 24 or 32 bytes"),
        (["-log-file=/none/log"], "==> Failed to setup logging: open /none/log: no such file or directory"),
        (['-hcl=tls { https { ca_file = "/none" } }'], "==> Error loading from /none: open /none: no such file"),
        (["-hcl=tls { defaults { verify_incoming = true } }"], "VerifyIncoming set but no CA certificates were"),
        (["-datacenter=a b"], "datacenter can only contain lowercase alphanumeric, - or _ characters"),
        (["-config-file=/nowhere/at/all"], "/nowhere/at/all"),
        (["-no-such-flag"], "flag provided but not defined: -no-such-flag"),
        (["surplus"], "Unexpected extra arguments: [surplus]"),
    ],
)
def test_what_cannot_be_is_refused_at_the_start(flags: list[str], text: str) -> None:
    """One sentence, exit code 1, nothing started."""
    done = subprocess.run([*RUN, "agent", "-dev", *flags], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert text in done.stdout + done.stderr


def test_leave_over_the_api_ends_the_process(agent: Callable[..., Process]) -> None:
    """The answer comes first, then the end with exit code 0."""
    running = agent(*LEAVES)
    running.until("Consul agent running!")
    with closing(HTTPConnection("127.0.0.1", running.ports["http"], timeout=60)) as connection:
        connection.request("PUT", "/v1/agent/leave")
        assert connection.getresponse().status == 200
    assert running.end() == 0


def test_a_server_with_a_data_directory_keeps_its_identity_and_state(
    start_process: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Killed without a chance to write, it comes back with the same node ID and the same keys."""
    ports = dict(zip(("http", "dns", "server", "serf_lan", "serf_wan"), free_ports(5), strict=True))
    file = tmp_path / "agent.json"
    file.write_text(json.dumps({"ports": ports | {"grpc": -1, "grpc_tls": -1}}))
    flags = ["-server", "-bootstrap-expect=1", "-bind=127.0.0.1", f"-data-dir={tmp_path / 'data'}"]
    seen: list[str] = []
    for method, body in (("PUT", b"kept"), ("GET", None)):
        command = [*RUN, "agent", "-node=n1", f"-config-file={file}", *flags]
        process = start_process(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        for line in process.stdout:
            if "Node ID" in line:
                seen.append(line)
            if "Consul agent running!" in line:
                break
        with closing(HTTPConnection("127.0.0.1", ports["http"], timeout=60)) as connection:
            connection.request(method, "/v1/kv/a?raw", body)
            answer = connection.getresponse().read()
        process.kill()
        process.wait()
    assert answer == b"kept"
    assert len(seen) == 2 and seen[0] == seen[1]
    assert (tmp_path / "data/node-id").stat().st_mode & 0o777 == 0o600
