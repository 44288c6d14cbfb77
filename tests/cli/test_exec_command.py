"""``exec``: what goes into the store, what nodes put there, and what is printed of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from select import select
from typing import Any

import pytest

from pyconsul.sdk import threads
from pyconsul.sdk.blocking import keep
from tests.cli.conftest import PROGRAM, FakeAgent, Run, Start
from tests.waiting import LIMIT, until

FOLDER = "/v1/kv/_rexec/s1/"
BRIEFLY = ["-wait=50ms", "-wait-repl=1ms"]
RENEWAL = "/v1/session/renew/s1"
FAILS = (500, b"a stand-in that fails")
FAILED = "Unexpected response code: 500 (a stand-in that fails)"


def test_exec_without_a_prefix_works_at_the_root(live: Run) -> None:
    """The session's folder is then at the top of the store."""
    result = live("exec", "-prefix=", "-wait=200ms", "-wait-repl=1ms", "uptime")
    assert (result.code, result.out) == (0, "0 / 0 node(s) completed / acknowledged\n")


def test_exec_ends_when_nobody_obeys(live: Run) -> None:
    """Agents do not run commands unless told to, so nobody answers, and nothing is left in the store."""
    result = live("exec", "-wait=200ms", "-wait-repl=1ms", "-verbose", "uptime")
    assert result.code == 0
    assert "\n0 / 0 node(s) completed / acknowledged\n" in result.out
    assert live("kv", "get", "-keys", "_rexec").out == ""


@pytest.fixture
def nodes(agent: FakeAgent) -> Callable[..., None]:
    """Tells the stand-in what nodes have put into the session's folder; None is a key that is gone."""

    def put(*names: str, **values: bytes | None) -> None:
        agent.on("GET", "/v1/agent/self", {"Config": {"Datacenter": "dc1", "NodeName": "n1"}})
        agent.on("PUT", "/v1/session/create", {"ID": "s1"})
        agent.on("PUT", f"{FOLDER}job", b"true")
        agent.on("PUT", "/v1/event/fire/_rexec", {"ID": "e1"})
        agent.on("GET", FOLDER, [f"_rexec/s1/{name}" for name in ("job", *names)])
        for name, value in zip(names, values.values(), strict=False):
            if value is not None:
                agent.on("GET", FOLDER + name, [{"Key": name, "Flags": 0, "Value": b64encode(value).decode()}])

    return put


def test_exec_prints_what_nodes_answer(nodes: Callable[..., None], agent: FakeAgent, run: Run) -> None:
    """Output, exit codes and counts are shown, and a failing node makes the code 2.

    What comes at once comes sorted, the exit before the output; it is told the other way round.
    """
    nodes("n1/exit", "n1/out/00000", "n1/ack", exit=b"7", output=b"line 1\nline 2\n")
    result = run("exec", *BRIEFLY, "uptime", "-a")
    assert (result.code, result.err) == (2, "")
    assert result.out == (
        "    n1: line 1\n    n1: line 2\n    n1:\n==> n1: finished with exit code 7\n"
        "1 / 1 node(s) completed / acknowledged\n"
    )
    job = next(asked for asked in agent.asked if asked.path == f"{FOLDER}job")
    assert json.loads(job.body) == {"Command": "uptime -a", "Wait": 50_000_000}


def test_answers_are_shown_while_others_are_waited_for(
    nodes: Callable[..., None], agent: FakeAgent, start_process: Start
) -> None:
    """Also where they go into a pipe."""
    nodes("n1/out/00000", output=b"line 1")
    process = start_process(
        [sys.executable, "-c", PROGRAM, "exec", "-wait=1h", "-wait-repl=1ms", "uptime"],
        stdout=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "CONSUL_HTTP_ADDR": agent.address},
    )
    assert process.stdout is not None
    assert select([process.stdout], [], [], LIMIT)[0]
    assert process.stdout.readline() == b"    n1: line 1\n"


def test_exec_tells_each_step_on_wish(nodes: Callable[..., None], run: Run) -> None:
    """A node without output still says that it is at work; one that never ends makes the code 2."""
    nodes("n1/out/00000", "n1/ack", output=b"")
    result = run("exec", *BRIEFLY, "-verbose", "uptime")
    assert result.code == 2
    *steps, end = result.out.splitlines()
    assert steps == [
        "Created remote execution session: s1",
        "Uploaded remote execution spec",
        "Fired remote execution event: e1",
        "==> n1: heartbeat received",
        "==> n1: acknowledged",
        "0 / 1 node(s) completed / acknowledged",
    ]
    assert end.startswith("Completed in 0.")


@pytest.mark.parametrize(
    ("words", "stdin", "job"),
    [
        (["-shell=false", "ls", "-l"], b"", {"Args": ["ls", "-l"]}),
        (["-"], b"#!/bin/sh\nls\n", {"Script": b64encode(b"#!/bin/sh\nls\n").decode()}),
    ],
)
def test_a_job_may_be_a_list_of_words_or_a_script(
    words: list[str], stdin: bytes, job: dict[str, Any], nodes: Callable[..., None], agent: FakeAgent, run: Run
) -> None:
    """A shell reads what is neither."""
    nodes()
    assert run("exec", *BRIEFLY, *words, stdin=stdin).code == 0
    sent = next(asked for asked in agent.asked if asked.path == f"{FOLDER}job")
    assert json.loads(sent.body) == {**job, "Wait": 50_000_000}


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("n1/exit", b"soon", "Failed to parse exit code 'soon': strconv.ParseInt: parsing \"soon\": invalid syntax"),
        (
            "n1/exit",
            b"2147483648",
            "Failed to parse exit code '2147483648': strconv.ParseInt: parsing \"2147483648\": value out of range",
        ),
        ("n1/exit", None, "Failed to read key '_rexec/s1/n1/exit': <nil>"),
        ("n1/out/00000", None, "Failed to read key '_rexec/s1/n1/out/00000': <nil>"),
        ("n1/else", None, "Unknown key 'n1/else', ignoring."),
    ],
)
def test_what_a_node_says_wrongly_is_told_and_left_aside(
    name: str, value: bytes | None, complaint: str, nodes: Callable[..., None], run: Run
) -> None:
    """The answers of others still count."""
    nodes(name, "n2/exit", odd=value, exit=b"0")
    result = run("exec", *BRIEFLY, "uptime")
    assert (result.code, result.err) == (0, complaint + "\n")
    assert result.out == "==> n2: finished with exit code 0\n1 / 0 node(s) completed / acknowledged\n"


def test_an_answer_that_cannot_be_read_is_told_and_left_aside(
    nodes: Callable[..., None], agent: FakeAgent, run: Run
) -> None:
    """It may be the agent's fault for a moment."""
    nodes("n1/exit")
    agent.on("GET", f"{FOLDER}n1/exit", FAILS)
    result = run("exec", *BRIEFLY, "uptime")
    assert (result.code, result.err) == (0, f"Failed to read key '_rexec/s1/n1/exit': {FAILED}\n")


@pytest.mark.parametrize(
    ("method", "path", "answer", "sentence"),
    [
        ("GET", "/v1/agent/self", FAILS, f"Error querying Consul agent: {FAILED}"),
        ("PUT", "/v1/session/create", FAILS, f"Failed to create session: {FAILED}"),
        ("PUT", f"{FOLDER}job", FAILS, f"Failed to create job file: {FAILED}"),
        ("PUT", f"{FOLDER}job", b"false", "Failed to create job file: failed to acquire key _rexec/s1/job"),
        ("PUT", "/v1/event/fire/_rexec", FAILS, f"Failed to fire event: {FAILED}"),
        ("GET", FOLDER, FAILS, f"Failed to read results: {FAILED}"),
    ],
)
def test_exec_says_which_step_failed(
    method: str, path: str, answer: Any, sentence: str, nodes: Callable[..., None], agent: FakeAgent, run: Run
) -> None:
    """That nothing could be cleaned up afterwards is not worth a word: it goes with the session."""
    nodes()
    agent.on(method, path, answer)
    result = run("exec", *BRIEFLY, "uptime")
    assert (result.code, result.err) == (1, sentence + "\n")


def test_in_another_datacenter_the_session_hangs_on_a_server_there(
    nodes: Callable[..., None], agent: FakeAgent, run: Run
) -> None:
    """It says who is behind it."""
    nodes()
    agent.on("GET", "/v1/health/service/consul", [{"Node": {"Node": "srv"}, "Service": {}, "Checks": []}])
    result = run("exec", *BRIEFLY, "-datacenter=dc2", "-verbose", "uptime")
    assert result.out.startswith(
        "Remote exec in foreign datacenter, using Session TTL\nBinding session to remote node srv@dc2\n"
    )
    created = next(asked for asked in agent.asked if asked.path == "/v1/session/create")
    assert created.params == {"dc": ["dc2"]}
    assert json.loads(created.body) == {
        "Name": "Remote Exec via n1@dc1",
        "Node": "srv",
        "NodeChecks": [],
        "Behavior": "delete",
        "TTL": "15s",
    }


@pytest.mark.parametrize(("servers", "reason"), [([], ""), (FAILS, f": {FAILED}")])
def test_another_datacenter_without_servers_runs_nothing(
    servers: Any, reason: str, nodes: Callable[..., None], agent: FakeAgent, run: Run
) -> None:
    """Nor does one that cannot be asked."""
    nodes()
    agent.on("GET", "/v1/health/service/consul", servers)
    result = run("exec", *BRIEFLY, "-datacenter=dc2", "uptime")
    told = f"Failed to create session: Failed to find Consul server in remote datacenter{reason}"
    assert (result.code, result.err) == (1, told + "\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-tag=a", "uptime"], "Cannot provide tag filter without service filter."),
        (["-shell=false", "-"], "Cannot configure -shell=false when reading from stdin"),
        (["-node=(", "uptime"], "Failed to compile node filter regexp: error parsing regexp: missing closing ): `(`"),
    ],
)
def test_jobs_that_make_no_sense_are_refused(words: list[str], sentence: str, run: Run) -> None:
    """Before anybody is asked."""
    result = run("exec", *words)
    assert (result.code, result.err) == (1, sentence + "\n")


@pytest.fixture
def waits_for_renewals(agent: FakeAgent, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """``-wait-repl`` lasts until the session has been renewed so often, which happens in leaping time."""
    sleep = threads.sleep

    def wait(count: int) -> None:
        def renewed(seconds: float) -> None:
            assert seconds > 0
            until(lambda: [asked.path for asked in agent.asked].count(RENEWAL) >= count)

        def leaps(seconds: float) -> None:
            sleep(seconds / 1000)

        monkeypatch.setattr(threads, "sleep", renewed)
        monkeypatch.setattr(keep, "sleep", leaps)

    return wait


def test_an_execution_keeps_its_session_however_long_it_waits(
    nodes: Callable[..., None], agent: FakeAgent, run: Run, waits_for_renewals: Callable[[int], None]
) -> None:
    """Without renewal the job would be gone before the nodes hear of it."""
    waits_for_renewals(1)
    nodes()
    agent.on("PUT", RENEWAL, [{"ID": "s1", "TTL": "15s"}])
    assert run("exec", *BRIEFLY, "true").code == 0
    assert "/v1/event/fire/_rexec" in [asked.path for asked in agent.asked]


def test_a_session_that_cannot_be_renewed_is_told_once(
    nodes: Callable[..., None], agent: FakeAgent, run: Run, waits_for_renewals: Callable[[int], None]
) -> None:
    """It is tried again, since the agent may be back before the session ends."""
    waits_for_renewals(2)
    nodes()
    agent.on("PUT", RENEWAL, FAILS)
    result = run("exec", *BRIEFLY, "true")
    assert (result.code, result.err) == (0, f"Session renew failed: {FAILED}\n")
