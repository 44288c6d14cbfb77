"""The program as people run it: exit statuses, signals, reload, sub-commands, examples."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pyconsul.testing import InProcessAgent
from pyconsul_snapshot_agent import arguments, config
from pyconsul_snapshot_agent.main import main
from tests.snapshot_agent.conftest import Cloud, StartTool

EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "snapshot_agent"


@pytest.fixture
def consul(consul_agent: InProcessAgent, monkeypatch: pytest.MonkeyPatch) -> InProcessAgent:
    """An agent that commands in this process find by the environment."""
    monkeypatch.setenv("CONSUL_HTTP_ADDR", consul_agent.http_address)
    return consul_agent


def save(folder: Path, *flags: str) -> None:
    """Save once into a directory."""
    assert main(["-interval=0", f"-local-path={folder}", *flags]) == 0


def test_one_shot_mode_saves_once_and_ends(
    consul: InProcessAgent, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With status 0 and the ID in the log; without lock, registration or session."""
    save(tmp_path)
    (name,) = os.listdir(tmp_path)
    out, log = capfd.readouterr()
    assert f"[INFO] Saved snapshot {name[7:-5]}\n" in log
    assert "Mode: one-shot" in out
    assert consul.client.kv.keys() == []


def test_one_shot_mode_fails_with_status_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """When there is no agent, say."""
    assert main(["-interval=0", "-http-addr=127.0.0.1:1", f"-local-path={tmp_path}"]) == 1
    assert "Snapshot failed: failed to take a snapshot" in capfd.readouterr().err
    assert os.listdir(tmp_path) == []


def test_what_is_wrong_is_said_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    """Flags, words and settings; status 1 as everywhere in Consul's command line."""
    for words, problem in (
        (["-retain=x"], 'invalid value "x" for flag -retain'),
        (["backup"], "unknown command backup"),
        (["-aws-s3-bucket=b"], "destination s3: s3_region is needed (-aws-s3-region)"),
        (["-log-level=loud"], "invalid log level"),
        (["-encryption-key-file=/nowhere"], "key file /nowhere: no such file or directory"),
    ):
        assert main(words) == 1
        err = capfd.readouterr().err
        assert err.startswith("Error: ")
        assert problem in err


def test_help_and_version_are_no_errors(capfd: pytest.CaptureFixture[str]) -> None:
    """They go to standard output."""
    assert main(["-h"]) == main(["--version"]) == 0
    out = capfd.readouterr().out
    assert out.startswith("Usage: py-consul-snapshot-agent")
    assert "py-consul-snapshot-agent 0." in out


def test_list_shows_the_newest_first(consul: InProcessAgent, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """As a table and as JSON."""
    for _ in range(2):
        save(tmp_path)
    capfd.readouterr()
    assert main(["list", f"-local-path={tmp_path}"]) == 0
    heading, first, second = capfd.readouterr().out.splitlines()
    assert heading.split() == ["ID", "Taken", "Size", "Location"]
    assert first > second
    assert main(["list", "-json", f"-local-path={tmp_path}"]) == 0
    rows: list[dict[str, Any]] = json.loads(capfd.readouterr().out)
    assert [sorted(row) for row in rows] == [["ID", "Location", "Size", "Taken"]] * 2


def test_verify_finds_the_bad_one(consul: InProcessAgent, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By default it reads the newest, with -all every one; the status tells."""
    for _ in range(2):
        save(tmp_path)
    oldest, newest = sorted(os.listdir(tmp_path))
    with open(tmp_path / oldest, "r+b") as file:
        file.truncate(100)
    capfd.readouterr()
    assert main(["verify", f"-local-path={tmp_path}"]) == 0
    assert f"{newest}: ok: index " in capfd.readouterr().out
    assert main(["verify", "-all", f"-local-path={tmp_path}"]) == 1
    assert f"{oldest}: BAD: not a snapshot archive" in capfd.readouterr().out
    assert main(["verify", f"-local-path={tmp_path}", "1"]) == 1
    assert "there is no archive consul-1.snap" in capfd.readouterr().err


def test_restore_puts_the_newest_back(
    consul: InProcessAgent, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Or the one that is named; keys that came later are gone."""
    consul.client.kv.put("a", "1")
    save(tmp_path)
    consul.client.kv.put("a", "2")
    save(tmp_path)
    consul.client.kv.put("b", "later")
    assert main(["restore", f"-local-path={tmp_path}"]) == 0
    assert (consul.client.kv.raw("a"), consul.client.kv.get("b")) == (b"2", None)
    oldest = min(os.listdir(tmp_path))
    assert main(["restore", f"-local-path={tmp_path}", oldest[7:-5]]) == 0
    assert consul.client.kv.raw("a") == b"1"
    assert "Restored: " in capfd.readouterr().out


def test_restore_says_what_it_cannot_do(
    consul: InProcessAgent, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """With status 1: nothing to take, too much to take, a file that cannot be written, a Consul that is not there."""
    assert main(["restore", f"-local-path={tmp_path}"]) == 1
    save(tmp_path)
    number = os.listdir(tmp_path)[0][7:-5]
    assert main(["restore", f"-local-path={tmp_path}", number, number]) == 1
    assert main(["restore", f"-local-path={tmp_path}", "-output=/proc/none/x"]) == 1
    assert main(["restore", f"-local-path={tmp_path}", "-http-addr=127.0.0.1:1"]) == 1
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("Error: ")]
    assert [each.partition("Error: ")[2].partition(": ")[0] for each in errors] == [
        "there are no archives",
        "restore takes one archive",
        "cannot write /proc/none/x",
        "cannot restore",
    ]


def test_sub_commands_may_be_for_another_datacenter(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """They take no lock either."""
    assert main(["list", "-datacenter=dc2", f"-local-path={tmp_path}"]) == 0
    assert main(["-datacenter=dc2", f"-local-path={tmp_path}"]) == 1
    assert "only for a single snapshot" in capfd.readouterr().err


def test_a_bad_archive_is_never_restored(
    consul: InProcessAgent, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Consul does not even hear of it."""
    (tmp_path / "consul-5.snap").write_bytes(b"half")
    consul.client.kv.put("a", "1")
    assert main(["restore", f"-local-path={tmp_path}"]) == 1
    assert "not a snapshot archive" in capfd.readouterr().err
    assert consul.client.kv.raw("a") == b"1"


def test_restore_takes_the_copy_that_is_good(consul: InProcessAgent, tmp_path: Path) -> None:
    """The same archive may lie in several destinations."""
    settings = {
        "backup_destinations": {"local_storage": [{"path": str(tmp_path / "a")}, {"path": str(tmp_path / "b")}]}
    }
    file = tmp_path / "agent.json"
    file.write_text(json.dumps({"snapshot_agent": settings}))
    consul.client.kv.put("a", "1")
    assert main(["-interval=0", f"-config-file={file}"]) == 0
    (name,) = os.listdir(tmp_path / "a")
    assert os.listdir(tmp_path / "b") == [name]
    (tmp_path / "a" / name).write_bytes(b"half")
    consul.client.kv.delete("a")
    assert main(["restore", f"-config-file={file}"]) == 0
    assert consul.client.kv.raw("a") == b"1"


def test_an_encrypted_archive_can_be_fetched(consul: InProcessAgent, tmp_path: Path) -> None:
    """Decrypted into a file that Consul's own commands take; without its key it is of no use."""
    keys = tmp_path / "keys"
    keygen = subprocess.run(
        [sys.executable, "-c", "from pyconsul.cli.main import entry; entry()", "keygen"],
        capture_output=True,
        check=True,
    )
    keys.write_bytes(keygen.stdout)
    flags = [f"-local-path={tmp_path / 'sealed'}", f"-encryption-key-file={keys}"]
    save(tmp_path / "sealed", flags[1])
    assert main(["restore", *flags, f"-output={tmp_path / 'plain.snap'}"]) == 0
    inspect = [sys.executable, "-c", "from pyconsul.cli.main import entry; entry()", "snapshot", "inspect"]
    assert subprocess.run([*inspect, tmp_path / "plain.snap"], check=False, capture_output=True).returncode == 0
    assert main(["restore", flags[0], f"-output={tmp_path / 'no.snap'}"]) == 1
    assert not (tmp_path / "no.snap").exists()


def test_every_cloud_gets_the_same_archive(
    consul: InProcessAgent, tmp_path: Path, s3: Cloud, azure: Any, gcs: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    """A directory, S3, Azure and Google at the same time, encrypted; any of them can restore."""
    keys = tmp_path / "keys"
    keys.write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
    kinds = {
        "local_storage": {"path": str(tmp_path / "here")},
        "aws_storage": {**s3.settings, "s3_key_prefix": "all"},
        "azure_blob_storage": azure.settings,
        "google_storage": gcs.settings,
    }
    for kind, stanza in kinds.items():
        settings = {"snapshot": {"encryption_key_file": str(keys)}, "backup_destinations": {kind: [stanza]}}
        (tmp_path / f"{kind}.json").write_text(json.dumps({"snapshot_agent": settings}))
    consul.client.kv.put("a", "1")
    assert main(["-interval=0", f"-config-dir={tmp_path}"]) == 0
    (name,) = os.listdir(tmp_path / "here")
    capfd.readouterr()
    assert main(["verify", "-all", f"-config-dir={tmp_path}"]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert [line.count(f"{name}: ok, encrypted") for line in lines] == [1, 1, 1, 1]
    assert len({line.rpartition(" sha256 ")[2] for line in lines}) == 1
    for kind in kinds:
        consul.client.kv.delete("a")
        assert main(["restore", f"-config-file={tmp_path / kind}.json"]) == 0
        assert consul.client.kv.raw("a") == b"1"


def test_a_signal_ends_the_daemon_in_order(consul_agent: InProcessAgent, tmp_path: Path, tool: StartTool) -> None:
    """Status 0, the lock given back, the service gone."""
    for number in (signal.SIGTERM, signal.SIGINT):
        daemon = tool(consul_agent.http_address, f"-local-path={tmp_path}")
        daemon.wait_for("Saved snapshot")
        assert daemon.end(number) == 0
    assert "consul-snapshot" not in consul_agent.client.catalog.services()
    assert consul_agent.client.session.list() == []


def test_hangup_reads_the_configuration_again(consul_agent: InProcessAgent, tmp_path: Path, tool: StartTool) -> None:
    """The new destination gets archives; a file that is wrong changes nothing."""
    file = tmp_path / "agent.json"

    def configure(folder: str) -> None:
        destination = {"local_storage": [{"path": str(tmp_path / folder)}]}
        file.write_text(json.dumps({"snapshot_agent": {"backup_destinations": destination}}))

    configure("one")
    daemon = tool(consul_agent.http_address, f"-config-file={file}")
    daemon.wait_for("Saved snapshot")
    file.write_text("{")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("Cannot reload")
    configure("two")
    daemon.lines.clear()
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("Saved snapshot")
    assert daemon.end(signal.SIGTERM) == 0
    assert [len(os.listdir(tmp_path / folder)) for folder in ("one", "two")] == [1, 1]


def test_consul_snapshot_agent_is_the_same_program(consul_agent: InProcessAgent, tmp_path: Path) -> None:
    """``py-consul snapshot agent`` takes the same words."""
    command = [sys.executable, "-c", "from pyconsul.cli.main import entry; entry()", "snapshot", "agent"]
    env = {**os.environ, **consul_agent.environment}
    words = ["-interval=0", f"-local-path={tmp_path}"]
    run = subprocess.run([*command, *words], env=env, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert len(os.listdir(tmp_path)) == 1


def test_consul_snapshot_agent_is_off_until_configured() -> None:
    """The community's Consul refuses it, and scripts may look for that; the tool's own name needs no configuration."""
    command = [sys.executable, "-c", "from pyconsul.cli.main import entry; entry()", "snapshot", "agent"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout) == (1, "")
    assert "-config-file" in run.stderr


def test_the_configuration_of_the_example_is_one(tmp_path: Path) -> None:
    """With both destinations."""
    args = arguments.parse([f"-config-file={EXAMPLES / 'agent.hcl'}"])
    found = config.load(args.files, args.directories, args.settings, {})
    assert [each.provider for each in found.destinations] == ["local", "s3"]
    assert found.schedule.retain == 96


def test_the_disaster_of_the_example_ends_well() -> None:
    """Saved on schedule into S3, the data destroyed, restored: the same."""
    run = subprocess.run(
        [sys.executable, EXAMPLES / "disaster.py"], capture_output=True, text=True, timeout=250, check=False
    )
    assert run.returncode == 0, run.stderr
    assert "health: Consul Snapshot Agent Alive: passing, Consul Snapshot Agent Saving Snapshots: passing" in run.stdout
    assert run.stdout.splitlines()[-3:] == [
        "verified: True",
        "after the disaster: 0 keys",
        "restored: 500 keys, the same: True",
    ]
