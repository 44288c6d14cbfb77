"""Data directories that an agent cannot use: it says which file is the matter, and ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from pyconsul.testing.ports import free_ports

RUN = [sys.executable, "-c", "from pyconsul.cli.main import entry; entry()"]


def started_on(folder: str) -> tuple[int, str]:
    """Exit code and words of a server that cannot start."""
    names = ("server", "serf-lan", "serf-wan")
    ports = [f"-{name}-port={port}" for name, port in zip(names, free_ports(3), strict=True)]
    off = [f"-{name}-port=-1" for name in ("http", "dns", "grpc", "grpc-tls")]
    command = [*RUN, "agent", "-server", "-bootstrap", "-bind=127.0.0.1", *ports, *off, f"-data-dir={folder}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "content", "text"),
    [
        (
            "serf/local.keyring",
            "junk",
            "Failed to configure keyring: invalid character 'j' looking for beginning of value",
        ),
        ("serf/local.keyring", '["?"]', "Failed to configure keyring: illegal base64 data at input byte 0"),
        ("serf/local.keyring", "{}", "Failed to configure keyring: json: cannot unmarshal"),
        ("raft/term", "junk", "restore a snapshot into a fresh data directory"),
        ("raft/log/0000000000000001.log", "junk" * 100, "0000000000000001.log is damaged"),
        ("raft/snapshots/1-1-1.snap", "junk", "1-1-1.snap: failed to decompress snapshot: unexpected EOF"),
        ("node-id", "", "NodeID in"),
        ("node-id", "\xff", "is invalid: uuid string is wrong length"),
        ("node-id/sub", "", "failed to setup node ID: read "),
        ("raft", "", "raft: not a directory"),
        ("raft/term/sub", "", "read {0}/raft/term: is a directory"),
        ("server_metadata.json/sub", "", "error reading server metadata: read "),
        ("serf/local.keyring/sub", "", "Failed to configure keyring: read "),
        ("services", "", 'Failed reading services dir \\"{0}/services\\": open {0}/services: not a directory'),
    ],
)
def test_damage_is_named(file: str, content: str, text: str, tmp_path: Path) -> None:
    """Never passed over in silence, never a trace of the interpreter."""
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="latin-1")
    code, said = started_on(str(tmp_path))
    assert code == 1
    assert text.format(tmp_path) in said
    assert "Traceback" not in said


def test_a_place_where_nothing_can_be_made_is_named() -> None:
    """As the reason why there is no node ID."""
    code, said = started_on("/proc/nowhere")
    assert (code, said.strip()) == (1, "==> failed to setup node ID: mkdir /proc/nowhere: no such file or directory")
