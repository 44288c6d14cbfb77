"""``debug``: what is recorded, and what is left out where it cannot be had."""

from __future__ import annotations

import json
import re
import signal
import tarfile
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Asked, FakeAgent, Run, Start

ABOUT = {"Config": {"Version": "1.21.4"}, "DebugConfig": {"EnableDebug": True, "ACLsEnabled": False}}
ENCOUNTERED = "==> Error encountered during collection: "
FAILED = "Unexpected response code: 500 (a stand-in that fails)"


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command line that records for a moment, whatever the shortest time is."""
    for name in ("_LEAST_DURATION", "_LEAST_INTERVAL", "_GRACE"):
        monkeypatch.setattr(f"pyconsul.cli.commands.debug.{name}", 0)
    return ["debug", "-duration=200ms", "-interval=100ms", "-archive=false"]


@pytest.fixture
def recorded(agent: FakeAgent) -> FakeAgent:
    """The stand-in, which has something of everything."""
    agent.on("GET", "/v1/agent/self", ABOUT)
    agent.on("GET", "/v1/agent/host", {"Memory": {"total": 1}})
    agent.on("GET", "/v1/agent/members", [{"Name": "n1", "Status": 1, "Tags": {}}])
    agent.on("GET", "/v1/agent/monitor", b"a line of the log\n")
    agent.on("GET", "/v1/agent/metrics/stream", b'{"Gauges":[]}\n')
    agent.on("GET", "/v1/operator/raft/configuration", {"Servers": [], "Index": 1})
    for name in ("heap", "goroutine", "profile", "trace"):
        agent.on("GET", f"/debug/pprof/{name}", name.encode())
    return agent


def test_everything_is_recorded_by_default(briefly: list[str], recorded: FakeAgent, run: Run, tmp_path: Path) -> None:
    """What does not change once, logs and metrics as they come, profiles over the time and at each interval."""
    folder = tmp_path / "dbg"
    result = run(*briefly, f"-output={folder}")
    assert (result.code, result.err) == (0, "")
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert names >= {"agent.json", "host.json", "members.json", "index.json", "listpeers.json"}
    assert (folder / "consul.log").read_text() == "a line of the log\n"
    assert (folder / "metrics.json").read_text() == '{"Gauges":[]}\n'
    assert ((folder / "profile.prof").read_text(), (folder / "trace.out").read_text()) == ("profile", "trace")
    assert {Path(name).name for name in names if "/" in name} == {"heap.prof", "goroutine.prof"}
    assert "==> Beginning capture interval " in result.out and "==> Capture successful " in result.out
    assert json.loads((folder / "index.json").read_text())["Targets"][0] == "metrics"


@pytest.mark.parametrize("path", ["/v1/agent/monitor", "/v1/agent/metrics/stream", "/debug/pprof/profile"])
def test_what_cannot_be_recorded_is_told_and_left_out(
    path: str, briefly: list[str], recorded: FakeAgent, run: Run, tmp_path: Path
) -> None:
    """The rest is worth something, too."""
    recorded.on("GET", path, (500, b"a stand-in that fails"))
    result = run(*briefly, f"-output={tmp_path}/dbg")
    assert result.code == 0
    assert "Error encountered during collection: " in result.err
    assert (tmp_path / "dbg" / "agent.json").exists()


def test_profiles_that_fail_at_an_interval_are_told(
    briefly: list[str], recorded: FakeAgent, run: Run, tmp_path: Path
) -> None:
    """An agent of another kind has no heap to show."""
    recorded.on("GET", "/debug/pprof/heap", (404, b""))
    told = run(*briefly, "-capture=pprof", f"-output={tmp_path}/dbg").err
    assert "Error encountered during collection: failed to collect heap profile: Unexpected response code: 404" in told


def test_profiles_need_an_agent_that_lets_itself_be_profiled(
    briefly: list[str], recorded: FakeAgent, run: Run, tmp_path: Path
) -> None:
    """Which is said, and all else is recorded."""
    recorded.on("GET", "/v1/agent/self", {**ABOUT, "DebugConfig": {"EnableDebug": False, "ACLsEnabled": False}})
    result = run(*briefly, f"-output={tmp_path}/dbg")
    assert (result.code, "profile.prof" in {path.name for path in (tmp_path / "dbg").iterdir()}) == (0, False)
    assert "pprof" in result.err


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        (
            (500, b"a stand-in that fails"),
            f"error querying target agent: {FAILED}. verify connectivity and agent address",
        ),
        ({"Config": {}}, "agent response did not contain version key"),
        ({"Config": {"Version": "1"}}, "agent response did not contain EnableDebug key"),
    ],
)
def test_an_agent_that_says_too_little_is_not_recorded(
    about: Any, sentence: str, briefly: list[str], recorded: FakeAgent, run: Run
) -> None:
    """Something else answers there."""
    recorded.on("GET", "/v1/agent/self", about)
    result = run(*briefly)
    assert (result.code, result.err) == (1, f"==> Capture validation failed: {sentence}\n")


def test_a_folder_that_is_there_is_not_written_to(
    briefly: list[str], recorded: FakeAgent, run: Run, tmp_path: Path
) -> None:
    """Nor one below a file; where the system makes none its reason is told."""
    told = run(*briefly, f"-output={tmp_path}").err
    assert told == f"==> Capture validation failed: output directory already exists: {tmp_path}\n"
    (tmp_path / "file").touch()
    told = run(*briefly, f"-output={tmp_path}/file/dbg").err
    assert told == f"==> Capture validation failed: output directory already exists: {tmp_path}/file/dbg\n"
    long = f"{tmp_path}/{'a' * 300}"
    told = run(*briefly, f"-output={long}").err
    reason = f"mkdir {long}: file name too long"
    assert told == f"==> Capture validation failed: could not create output directory: {reason}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-duration=5s"], "==> Capture validation failed: duration must be longer than 10s"),
        (["-interval=1s"], "==> Capture validation failed: interval must be longer than 10s"),
        (
            ["-interval=30s", "-duration=20s"],
            "==> Capture validation failed: duration (20s) must be longer than interval (30s)",
        ),
        (["extra"], "==> debug: Too many arguments provided, expected 0"),
    ],
)
def test_recordings_that_make_no_sense_are_refused(words: list[str], sentence: str, run: Run) -> None:
    """Times are checked before anything is asked."""
    assert run("debug", *words).err == sentence + "\n"


def test_a_recording_is_one_archive(live: Run, tmp_path: Path) -> None:
    """What was captured lies in the archive, and the folder is gone."""
    words = ["-capture=agent", "-capture=members", "-capture=host", "-output=dbg"]
    result = live("debug", *words, cwd=tmp_path)
    assert result.code == 0, result.err
    assert result.out.startswith("==> Starting debugger and capturing static information...\n")
    assert result.out.endswith("    Saved debug archive: dbg.tar.gz\n")
    with tarfile.open(tmp_path / "dbg.tar.gz") as archive:
        names = set(archive.getnames())
    assert names >= {"dbg/agent.json", "dbg/members.json", "dbg/index.json", "dbg/listpeers.json"}
    assert [path.name for path in tmp_path.iterdir()] == ["dbg.tar.gz"]


def test_a_recording_that_is_stopped_packs_at_once_what_there_is(
    recorded: FakeAgent, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for no profile that takes its time, and for nobody who presses the keys again."""
    over, reply = threading.Event(), recorded.reply

    def slow(asked: Asked) -> tuple[int, bytes]:
        if asked.path == "/debug/pprof/profile":
            over.wait()
        if asked.path in ("/debug/pprof/goroutine", "/v1/operator/raft/configuration"):
            recording.send_signal(signal.SIGINT)
        return reply(asked)

    monkeypatch.setattr(recorded, "reply", slow)
    recording = start("debug", "-duration=1h", f"-http-addr={recorded.address}", f"-output={tmp_path}/dbg")
    try:
        _, err = recording.communicate(timeout=60)
    finally:
        over.set()
    assert (recording.returncode, err) == (0, f"{ENCOUNTERED}stopping collection due to shutdown signal\n".encode())
    with tarfile.open(tmp_path / "dbg.tar.gz") as archive:
        assert "dbg/listpeers.json" in archive.getnames()


def test_a_recording_that_finds_no_room_says_so(start: Start, tmp_path: Path) -> None:
    """One line for each file, and no archive that lacks its index."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
    recording = start("debug", "-capture=agent", f"-output={tmp_path}/dbg", before=limit)
    _, err = recording.communicate(timeout=60)
    heading, captured, _, _, index = err.decode().splitlines()
    assert heading == "Static capture failed: 1 error occurred:"
    assert captured.startswith(f"\t* write {tmp_path}/dbg/agent.json-")
    assert index.startswith(f"==> Error creating index document: write {tmp_path}/dbg/index.json-")
    assert recording.returncode == 1


def test_what_a_recording_may_not_see_is_told_and_left_out(
    agent: FakeAgent, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one piece what does not change, then the first thing that went wrong later on, and the servers."""
    monkeypatch.setattr("pyconsul.cli.commands.debug._LEAST_DURATION", 0)
    monkeypatch.setattr("pyconsul.cli.commands.debug._LEAST_INTERVAL", 0)
    monkeypatch.setattr("pyconsul.cli.commands.debug._GRACE", 0)
    about = {"Config": {"Version": "1.21.4"}, "DebugConfig": {"EnableDebug": False, "ACLsEnabled": True}}
    agent.on("GET", "/v1/agent/self", about)
    for path in ("agent/host", "agent/members", "agent/monitor", "agent/metrics/stream", "operator/raft/configuration"):
        agent.on("GET", f"/v1/{path}", (403, b"Permission denied"))
    for name in ("heap", "goroutine", "profile", "trace"):
        agent.on("GET", f"/debug/pprof/{name}", (403, b"Permission denied"))
    result = run("debug", "-duration=50ms", "-interval=10ms", "-archive=false", f"-output={tmp_path}/dbg")
    denied = "Unexpected response code: 403 (Permission denied)"
    assert result.code == 0
    assert result.err == (
        f"Static capture failed: 2 errors occurred:\n\t* {denied}\n\t* {denied}\n\n\n"
        f"==> Error encountered during collection: {denied}\n"
        f"Raft list peers capture failed: Failed to retrieve raft configuration: {denied}\n"
    )
    assert "Capture successful" not in result.out
    assert (tmp_path / "dbg" / "host.json").read_text() == "null"


@pytest.mark.parametrize(("zone", "end"), [("UTC", "Z"), ("CET-1", "+0100")])
def test_a_recording_is_named_by_its_time_and_zone(zone: str, end: str, live: Run, tmp_path: Path) -> None:
    """The zone stands in Go's form."""
    live("debug", "-capture=agent", cwd=tmp_path, TZ=zone)
    (made,) = tmp_path.iterdir()
    assert re.fullmatch(r"consul-debug-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d" + re.escape(end) + r"\.tar\.gz", made.name)


def test_unknown_targets_are_named(live: Run, tmp_path: Path) -> None:
    """A target that is none is refused after the agent was asked."""
    told = live("debug", "-capture=bogus", cwd=tmp_path).err
    assert told.endswith("==> Capture validation failed: target not found: bogus\n")


def test_the_past_is_left_to_hcdiag(recorded: FakeAgent, run: Run, tmp_path: Path) -> None:
    """It gets the time as it stands, and its failure is not ours; without it we can only say so."""
    program = tmp_path / "hcdiag"
    program.write_text('#!/bin/sh\necho "$@" >"${0%/*}/asked"\nexit 3\n')
    program.chmod(0o755)
    greeting = "==> Starting debugger and capturing static information...\n     Agent Version: '1.21.4'\n"
    told = run("debug", "-since=72h", f"-output={tmp_path}/a", PATH=f"{tmp_path}:/usr/bin:/bin")
    assert (told.code, told.out, told.err) == (0, greeting, "")
    assert (tmp_path / "asked").read_text() == "run -consul -since=72h\n"
    alone = run("debug", "-since=72h", f"-output={tmp_path}/b", PATH="/nowhere")
    assert (alone.code, alone.out) == (1, greeting)
    assert alone.err == "==> -since needs the program hcdiag, which py-consul does not come with\n"
