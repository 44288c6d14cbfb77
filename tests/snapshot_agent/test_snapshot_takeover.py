"""What happens when the leader is killed in the middle of an upload."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from pyconsul.testing import InProcessAgent
from pyconsul_snapshot_agent.archive import verify
from tests.snapshot_agent.conftest import Cloud, StartTool


def flags_for(s3: Cloud, port: int) -> list[str]:
    """A daemon that stores in the moto server behind ``port``."""
    return [
        "-interval=1h",
        "-lock-delay=1ms",
        "-aws-s3-bucket=snapshots",
        "-aws-s3-region=us-east-1",
        "-aws-s3-key-prefix=takeover",
        "-aws-s3-force-path-style",
        f"-aws-s3-part-bytes={5 * 1024 * 1024}",
        f"-aws-s3-endpoint=http://127.0.0.1:{port}",
        "-aws-access-key-id=key",
        "-aws-secret-access-key=secret",
    ]


def fragments(s3: Cloud) -> int:
    """Uploads in parts that nobody finished."""
    return len(s3.amazon().list_multipart_uploads(Bucket="snapshots", Prefix="takeover/").get("Uploads", ()))


def end_session_of_leader(agent: InProcessAgent) -> None:
    """What Consul does once the TTL is over."""
    entry = agent.client.kv.get("consul-snapshot/lock")
    assert entry is not None
    assert entry.Session
    agent.client.session.destroy(entry.Session)


def test_another_instance_takes_over_and_no_half_archive_counts(
    consul_agent: InProcessAgent, s3: Cloud, relay: Callable[[int], Any], tool: StartTool
) -> None:
    """Killed with parts of the archive sent; the next one saves a whole one and removes the parts."""
    for number in range(30):
        consul_agent.client.kv.put(f"blob/{number}", os.urandom(400_000))  # 12 MB, which do not compress
    moto = int(s3.endpoint.rpartition(":")[2])
    road = relay(moto)
    road.stall_after = 8 * 1024 * 1024  # one part whole, the next ones not
    first = tool(consul_agent.http_address, *flags_for(s3, road.port))
    first.wait_for("Obtained leadership")
    second = tool(consul_agent.http_address, *flags_for(s3, moto))
    second.wait_for("Waiting to obtain leadership")
    assert road.stalled.wait(60), first.lines
    storage = s3.open(s3_key_prefix="takeover")
    assert storage.stored() == []
    assert fragments(s3) == 1
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    end_session_of_leader(consul_agent)
    second.wait_for("Saved snapshot")
    assert second.end(signal.SIGTERM) == 0
    stored = storage.stored()
    assert [f"Saved snapshot {each.name[7:-5]}" in " ".join(second.lines) for each in stored] == [True]
    assert verify(storage.pieces(stored[0].name)).state_bytes > 12_000_000
    assert fragments(s3) == 0  # the new leader removes what was left; moto dates all uploads back to 2010
