"""Commands that run others or wait, against a live agent: lock, watch, and the common round trips."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from select import select
from typing import Any

import pytest

from pyconsul.sdk import Client, Retry, Settings
from tests.cli.conftest import PROGRAM, FakeAgent, Run, Start


def until(process: subprocess.Popen[bytes], line: bytes) -> None:
    """Read the output of a process up to a line."""
    assert process.stdout is not None
    while (found := process.stdout.readline()) != line:
        assert found, process.communicate()


def test_how_a_child_ended_counts_whoever_started_us(start: Start) -> None:
    """Some leave SIGCHLD ignored, and the system then forgets the exit statuses of children."""
    ignoring = "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN); "
    locking = start("lock", "-child-exit-code", "l0", "exit 7", before=ignoring)
    _, err = locking.communicate(timeout=60)
    assert (locking.returncode, err) == (2, b"Error running handler: exit status 7\n")


def test_the_child_runs_while_the_lock_is_held(live: Run) -> None:
    """It sees a variable, its output passes through, and the key is gone afterwards."""
    result = live("lock", "-verbose", "l1", "echo held=$CONSUL_LOCK_HELD")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "Setting up lock at path: l1/.lock",
        "Attempting lock acquisition",
        "Starting handler",
        "held=true",
        "Child terminated, releasing lock",
        "Cleanup succeeded",
    ]
    assert live("kv", "get", "-keys", "l1").out == ""


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["l2", "exit 3"], 0, "Error running handler: exit status 3\n"),
        (["-child-exit-code", "l2", "exit 3"], 2, "Error running handler: exit status 3\n"),
        (["-child-exit-code", "l2", "kill -9 $$"], 2, "Error running handler: signal: killed\n"),
        (["l2", "kill -USR1 $$"], 0, "Error running handler: signal: user defined signal 1\n"),
        (
            ["-shell=false", "l2", "/none/such"],
            0,
            "Error starting handler: fork/exec /none/such: no such file or directory\n",
        ),
        (["-n=0", "l2", "true"], 1, "Lock holder limit must be positive\n"),
        (["l2"], 1, "Key prefix and child command must be specified\n"),
        (["-timeout=-1s", "l2", "true"], 1, "Timeout must be positive\n"),
        (["-timeout=1s", "-try=-1s", "l2", "true"], 1, "Timeout must be positive\n"),
        (["-try=-1s", "-timeout=0s", "l2", "true"], 0, ""),
        (
            ["//l2", "true"],
            1,
            "Lock acquisition failed: failed to acquire lock: Invalid key. Key must not begin with a '/': /l2/.lock\n",
        ),
        (
            ["-n=2", "//l2", "true"],
            1,
            "Lock acquisition failed: failed to make contender entry: Invalid key. Key must not begin with a '/': ",
        ),
        (["-monitor-retry=-1", "l2", "true"], 1, "Number for 'monitor-retry' must be >= 0\n"),
    ],
)
def test_the_end_of_the_child_is_told(words: list[str], code: int, told: str, live: Run) -> None:
    """How it ended is said; the exit code tells it only when that was asked for."""
    result = live("lock", *words)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(told) if told.endswith(": ") else result.err == told


def test_a_prefix_is_cleaned_before_it_is_locked(live: Run) -> None:
    """So that all who mean the same place contend for the same key."""
    result = live("lock", "-verbose", "/l7//x/../y/", "true")
    assert result.out.splitlines()[0] == "Setting up lock at path: l7/y/.lock"


def test_standard_input_is_passed_on_request(live: Run) -> None:
    """Without ``-pass-stdin`` the child reads nothing."""
    assert live("lock", "-pass-stdin", "l3", "cat", stdin=b"through").out == "through"
    assert live("lock", "l3", "cat", stdin=b"through").out == ""


def test_files_that_the_caller_opened_reach_the_child(live_address: str) -> None:
    """So that the shell's ``<(...)`` works."""
    line = f"{shlex.quote(sys.executable)} -c '{PROGRAM}' lock -http-addr={live_address} l10 cat <(echo through)"
    done = subprocess.run(["bash", "-c", line], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"through\n", b"")


def test_a_full_disk_below_the_output_keeps_nothing_from_its_turn(live_address: str, live: Run) -> None:
    """The child runs, the lock is released, and that something is missing is told at the end."""
    line = f"{shlex.quote(sys.executable)} -c '{PROGRAM}' lock -http-addr={live_address} -verbose l11 'echo ran >&2'"
    done = subprocess.run(["bash", "-c", f"{line} >/dev/full"], capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, b"ran\nwrite /dev/stdout: no space left on device\n")
    assert live("kv", "get", "-keys", "l11").out == ""


def test_a_semaphore_lets_several_in(live: Run) -> None:
    """With ``-n=2`` a second holder gets in while the first holds a slot."""
    inner = f"{shlex.quote(sys.executable)} -c '{PROGRAM}' lock -n=2 sem 'echo inner'"
    result = live("lock", "-n=2", "sem", inner)
    assert (result.code, result.out, result.err) == (0, "inner\n", "")


def test_a_lock_that_somebody_holds_times_out(live: Run) -> None:
    """With a timeout the command gives up."""
    inner = f"{shlex.quote(sys.executable)} -c '{PROGRAM}' lock -timeout=100ms l4 'echo never' 2>&1; true"
    result = live("lock", "l4", inner)
    assert result.out == "Shutdown triggered or timeout during lock acquisition\n"


def test_a_lost_lock_ends_the_child(live_address: str, start: Start) -> None:
    """When the session is destroyed, the child is told to end."""
    process = start("lock", "-verbose", "-child-exit-code", "l5", "echo up; exec sleep 60")
    until(process, b"up\n")
    with Client(Settings(address=live_address, retry=Retry.NEVER)) as client:
        for session in client.session.list():
            client.session.destroy(session.ID)
    rest, told = process.communicate(timeout=60)
    assert b"Lock lost, killing child\n" in rest
    assert b"Child terminated\n" in rest
    assert told == b"Error running handler: signal: terminated\n"


def test_a_signal_ends_child_and_lock(start: Start) -> None:
    """SIGTERM goes to the child, then the lock is released and the key removed."""
    process = start("lock", "-verbose", "l6", "echo up; exec sleep 60")
    until(process, b"up\n")
    process.send_signal(signal.SIGTERM)
    rest, told = process.communicate(timeout=60)
    assert told == b"Error running handler: signal: terminated\n"
    assert rest.splitlines()[0] == b"Shutdown triggered, killing child"
    assert rest.splitlines()[-1] == b"Cleanup succeeded"
    assert process.returncode == 0


def test_a_child_that_does_not_heed_the_signal_is_killed(start: Start) -> None:
    """After the grace, and how it ended is told all the same."""
    hasty = "import pyconsul.cli.commands.lock as lock; lock._GRACE = 0.1; "
    process = start("lock", "-verbose", "l8", "trap '' TERM; echo up; while :; do sleep 0.1; done", before=hasty)
    until(process, b"up\n")
    process.send_signal(signal.SIGTERM)
    rest, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, b"Error running handler: signal: killed\n")
    assert b"Child did not exit after grace period of 0.1s\n" in rest


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2])
def test_a_signal_of_users_leaves_child_and_lock_alone(number: signal.Signals, start: Start, tmp_path: Path) -> None:
    """Else the child would go on without us, and nobody would get the lock before the session ends."""
    process = start("lock", "-verbose", "l9", f"echo up; until test -e {tmp_path}/go; do sleep 0.1; done; echo done")
    until(process, b"up\n")
    process.send_signal(number)
    (tmp_path / "go").touch()
    rest, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (0, b"")
    assert rest.splitlines() == [b"done", b"Child terminated, releasing lock", b"Cleanup succeeded"]


def test_a_watch_prints_the_present_value(live: Run) -> None:
    """Without a command the value is printed in the order of Consul's client, and that is all."""
    live("kv", "put", "w/k", "v")
    shown = live("watch", "-type=key", "-key=w/k").out
    assert list(json.loads(shown)) == [
        "Key",
        "CreateIndex",
        "ModifyIndex",
        "LockIndex",
        "Flags",
        "Value",
        "Session",
    ]
    assert live("watch", "-type=key", "-key=w/none").out == "null\n"


def test_a_watch_runs_its_command_on_each_change(live: Run, start: Start) -> None:
    """The command gets JSON and the index; a second change runs it again; SIGINT ends the watch with 0."""
    live("kv", "put", "w/c", "1")
    process = start("watch", "-type=key", "-key=w/c", "cat; test $CONSUL_INDEX -gt 0 && echo end")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["Value"] == "MQ=="
    assert process.stdout.readline() == b"end\n"
    live("kv", "put", "w/c", "2")
    assert json.loads(process.stdout.readline())["Value"] == "Mg=="
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_a_watch_that_is_refused_says_so_and_goes_on(agent: FakeAgent, start: Start) -> None:
    """The line is one of a log, under the name that Consul's watch has twice."""
    agent.on("GET", "/v1/status/leader", "a:1")
    agent.on("GET", "/v1/kv/k", (403, b"no"))
    process = start("watch", f"-http-addr={agent.address}", "-type=key", "-key=k")
    assert process.stderr is not None
    line = process.stderr.readline().decode()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    told = 'watch.watch: Watch errored: type=key error="Unexpected response code: 403 (no)" retry=5s\n'
    assert line.partition(" [ERROR] ")[2] == told


def test_a_watch_tells_its_next_try_in_gos_durations(agent: FakeAgent, start: Start) -> None:
    """Beyond a minute they are not all seconds; what needs no quotes has none."""
    agent.on("GET", "/v1/status/leader", "a:1")
    agent.on("GET", "/v1/kv/k", b"")
    patience = "import pyconsul.sdk.blocking.watch as w; w._RETRY = 80.0; "
    process = start("watch", f"-http-addr={agent.address}", "-type=key", "-key=k", before=patience)
    assert process.stderr is not None
    line = process.stderr.readline().decode()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert line.partition(" [ERROR] ")[2] == "watch.watch: Watch errored: type=key error=EOF retry=1m20s\n"


def test_a_failing_command_ends_the_watch(live: Run) -> None:
    """A command that fails, or is not there, is told, and the code is 1."""
    result = live("watch", "-type=services", "exit 4")
    assert (result.code, result.err) == (1, "Error executing handler: exit status 4\n")
    missing = live("watch", "-type=services", "-shell=false", "no-such-program")
    told = 'Error starting handler: exec: "no-such-program": executable file not found in $PATH\n'
    assert (missing.code, missing.err) == (1, told)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-type=bogus"], "Unsupported watch type: bogus"),
        (["-type=key"], "Must specify a single key to watch"),
        (["-type=nodes", "-key=x"], "Invalid parameters: [key]"),
        (["-type=connect_roots"], "Type connect_roots is not supported in the CLI tool"),
        (
            ["-type=service", "-service=a", "-passingonly=maybe"],
            'Failed to parse passingonly flag: strconv.ParseBool: parsing "maybe": invalid syntax',
        ),
    ],
)
def test_watches_that_make_no_sense_are_refused(words: list[str], sentence: str, run: Run) -> None:
    """Wrong types and parameters have Consul's sentences."""
    result = run("watch", *words)
    assert (result.code, result.err) == (1, sentence + "\n")


def test_a_watch_asks_as_its_flags_say(agent: FakeAgent, run: Run) -> None:
    """Without a command it prints what there is, once."""
    agent.on("GET", "/v1/status/leader", "10.0.0.1:8300")
    agent.on("GET", "/v1/health/service/web", [])
    words = ["-type=service", "-service=web", "-tag=a", "-tag=b", "-passingonly=true", "-datacenter=dc2", "-stale"]
    result = run("watch", *words)
    assert (result.code, result.out) == (0, "[]\n")
    assert agent.asked[-1].params == {"tag": ["a", "b"], "passing": [""], "dc": ["dc2"], "stale": [""]}


def test_a_watch_names_a_bad_setting_without_further_words(run: Run) -> None:
    """Other commands say before that they could not connect."""
    told = run("watch", "-type=nodes", "-ca-file=none").err
    assert told == "Error loading CA File: open none: no such file or directory\n"


def test_a_lock_needs_a_command_to_run(live: Run) -> None:
    """An empty word is none."""
    result = live("lock", "-shell=false", "p", "")
    assert result.err == "Error starting handler: exec: no command\n"


def test_services_come_and_go(live: Run, tmp_path: Path) -> None:
    """Services of a file are registered and removed again, with tags and checks."""
    (tmp_path / "s.hcl").write_text(
        'services = [{ name = "s1" port = 1 tags = ["x"] }, { name = "s2" id = "s2-a" check { ttl = "1h" } }]'
    )
    assert live("services", "register", "s.hcl", cwd=tmp_path).out == "Registered service: s1\nRegistered service: s2\n"
    gone = live("services", "deregister", "s.hcl", cwd=tmp_path)
    assert gone.out == "Deregistered service: s1\nDeregistered service: s2-a\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["register"], "Service registration requires at least one argument or flags."),
        (["register", "-name=a", "f.hcl"], "Service registration requires arguments or -id, not both."),
        (
            ["register", "-name=a", "-tagged-address=lan=1.2.3.4"],
            "Invalid Tagged address: address 1.2.3.4: missing port in address",
        ),
        (
            ["register", "-name=a", "-address=1.2.3.4.5"],
            "Invalid Service address when using CLI flags. Use -port flag instead: malformed IP address: 1.2.3.4.5",
        ),
        (
            ["register", "-name=a", "-address=1.2.3.4:80"],
            "Invalid Service address when using CLI flags. Use -port flag instead: address should not contain port",
        ),
        (["register", "none.hcl"], "Error: config: Open failed on none.hcl. open none.hcl: no such file or directory"),
        (["register", "-name=a", "-tagged-address=lan="], "Invalid Tagged address: missing port in address"),
        (
            ["register", "-name=a", "-tagged-address=lan=1.2.3.4.5:80"],
            "Invalid Tagged address for tagged address 'lan': malformed IP address: 1.2.3.4.5",
        ),
        (["deregister"], "Service deregistration requires at least one argument or -id."),
        (["deregister", "-id=a", "f.hcl"], "Service deregistration requires arguments or -id, not both."),
    ],
)
def test_services_that_cannot_be_are_refused(words: list[str], sentence: str, run: Run) -> None:
    """What is wrong with files, flags and addresses is said before anything is sent."""
    result = run("services", *words)
    assert (result.code, result.err) == (1, sentence + "\n")


def test_a_service_of_flags_has_what_was_given(agent: FakeAgent, run: Run) -> None:
    """Only what was given is sent."""
    agent.on("PUT", "/v1/agent/service/register", b"")
    words = ["-name=web", "-port=80", "-tag=a", "-tag=b", "-meta=k=v", "-tagged-address=lan=[::1]:80"]
    assert run("services", "register", *words).out == "Registered service: web\n"
    assert json.loads(agent.asked[0].body) == {
        "Name": "web",
        "Port": 80,
        "Tags": ["a", "b"],
        "Meta": {"k": "v"},
        "TaggedAddresses": {"lan": {"Address": "::1", "Port": 80}},
    }


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"address": "1.2.3.4:80"},
            "Invalid Service address for service 'a'. Use port field instead: address should not contain port",
        ),
        (
            {"tagged_addresses": {"lan": {"address": "1.2.3.4.5", "port": 80}}},
            "Invalid Tagged address for tagged address 'lan' in service 'a': malformed IP address: 1.2.3.4.5",
        ),
        ({"address": " "}, "Invalid Service address for service 'a'. Use port field instead: address cannot be empty"),
    ],
)
def test_services_of_files_need_sound_addresses(fields: Any, sentence: str, run: Run, tmp_path: Path) -> None:
    """Before anything is sent."""
    file = tmp_path / "s.json"
    file.write_text(json.dumps({"service": {"name": "a", **fields}}))
    result = run("services", "register", str(file))
    assert (result.code, result.err) == (1, sentence + "\n")


def test_services_of_the_mesh_are_registered_with_their_sidecar(agent: FakeAgent, run: Run, tmp_path: Path) -> None:
    """As the file has it."""
    (tmp_path / "s.hcl").write_text('service { name = "a" connect { sidecar_service { port = 7 } } }')
    agent.on("PUT", "/v1/agent/service/register", b"")
    assert run("services", "register", str(tmp_path / "s.hcl")).out == "Registered service: a\n"
    assert json.loads(agent.asked[-1].body)["Connect"]["SidecarService"]["Port"] == 7


def test_configurations_are_validated(run: Run, tmp_path: Path) -> None:
    """A good one passes, a bad one names its fault, and nothing at all is refused."""
    (tmp_path / "ok.hcl").write_text('data_dir = "d"\nbind_addr = "127.0.0.1"\n')
    (tmp_path / "bad.hcl").write_text("server = true\n")
    assert run("validate", f"{tmp_path}/ok.hcl").out == "Configuration is valid!\n"
    assert run("validate", "-quiet", f"{tmp_path}/ok.hcl").out == ""
    (tmp_path / "odd.hcl").write_text('node_name = "a_b"\ndata_dir = "d"\nbind_addr = "127.0.0.1"\n')
    odd = run("validate", f"{tmp_path}/odd.hcl")
    assert odd.out == "Configuration is valid!\n"
    assert odd.err.startswith('Node name "a_b" will not be discoverable via DNS due to invalid characters. ')
    assert run("validate", "-quiet", f"{tmp_path}/odd.hcl").err == ""
    assert run("validate", f"{tmp_path}/bad.hcl").err == "Config validation failed: data_dir cannot be empty\n"
    assert run("validate").err == "Must specify at least one config file or directory\n"
    assert run("validate", "-config-format=xml", "x").err == "-config-format must be either 'hcl' or 'json\n"


def test_ports_are_tried(agent: FakeAgent, run: Run) -> None:
    """An open port, a closed one and one that is none are told apart from each other."""
    port = agent.address.rpartition(":")[2]
    result = run("troubleshoot", "ports", "-host=127.0.0.1", f"-ports={port},1,abc")
    assert result.code == 0
    assert result.out.splitlines() == [
        f"TCP: Port {port} on 127.0.0.1 is open.",
        "TCP: Port 1 on 127.0.0.1 is closed, unreachable, or the connection timed out.",
        "TCP: Port abc on 127.0.0.1 is closed, unreachable, or the connection timed out.",
    ]
    nowhere = run("troubleshoot", "ports", "-host=.*", "-ports=1").out
    assert nowhere == "TCP: Port 1 on .* is closed, unreachable, or the connection timed out.\n"
    told = run("troubleshoot", "ports", "-host=").err
    assert told == "-host is required. or set environment variable CONSUL_HTTP_ADDR\n"


def test_keys_are_random(run: Run) -> None:
    """A key is 32 bytes in base64, and never the same."""
    first, second = run("keygen").out, run("keygen", "extra").out
    assert len(first) == len(second) == 45
    assert first != second


# The signal comes while the HTTP parser calls back: with the answer that has this in its body.
INTERRUPTED = """
import os
from pyconsul.sdk.http1 import AnswerParser

def on_body(parser, body, take=AnswerParser.on_body):
    take(parser, body)
    if {mark!r} in body:
        os.kill(os.getpid(), {number})

AnswerParser.on_body = on_body
"""


@pytest.mark.parametrize(
    ("key", "mark"), [("at-any-time", ""), ("at-the-session", '"ID": "'), ("at-the-key", "LockIndex")]
)
def test_a_signal_while_waiting_for_the_lock_ends_the_command(key: str, mark: str, start: Start) -> None:
    """Nothing was begun, so there is nothing to release; the code is 1, whatever the signal found us at."""
    until(start("lock", key, "echo up; exec sleep 60"), b"up\n")
    before = INTERRUPTED.format(mark=mark.encode(), number=int(signal.SIGINT)) if mark else ""
    waiter = start("lock", "-verbose", key, "echo never", before=before)
    until(waiter, b"Attempting lock acquisition\n")
    if not mark:
        waiter.send_signal(signal.SIGINT)
    out, err = waiter.communicate(timeout=60)
    assert (waiter.returncode, out) == (1, b"")
    assert err == b"Shutdown triggered or timeout during lock acquisition\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
def test_a_signal_ends_a_monitor(number: signal.Signals, live_address: str, start: Start) -> None:
    """With 0, and without a word about the agent, which goes on."""
    monitor = start("monitor", "-log-level=debug")
    assert monitor.stdout is not None
    with Client(Settings(address=live_address)) as client:
        while not select([monitor.stdout], [], [], 0.01)[0]:
            client.status.leader()  # each request is a line of the log
    assert monitor.poll() is None
    monitor.send_signal(number)
    out, err = monitor.communicate(timeout=60)
    assert (monitor.returncode, b"Remote side" in out, err) == (0, False, b"")


def test_a_signal_ends_an_execution_and_takes_it_back(live: Run, start: Start) -> None:
    """While it waits for nodes: the code is 1, and session and keys are gone."""
    execution = start("exec", "-wait=60s", "-wait-repl=1ms", "-verbose", "uptime")
    assert execution.stdout is not None
    while not execution.stdout.readline().startswith(b"Fired remote execution event"):
        assert execution.poll() is None
    execution.send_signal(signal.SIGINT)
    out, err = execution.communicate(timeout=60)
    assert (execution.returncode, out, err) == (1, b"", b"")
    assert live("kv", "get", "-keys", "_rexec").out == ""


def test_a_signal_ends_a_watch_whose_command_goes_on(live: Run, start: Start) -> None:
    """The command is told, and not waited for."""
    live("kv", "put", "w/s", "1")
    watch = start("watch", "-type=key", "-key=w/s", "trap 'echo told' INT; echo up; sleep 60 & wait; wait")
    until(watch, b"up\n")
    watch.send_signal(signal.SIGINT)
    assert watch.wait(60) == 0
    until(watch, b"told\n")
