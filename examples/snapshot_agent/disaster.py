"""Snapshots into S3 on a schedule, the agent's data destroyed, restored, compared; needs moto[server] and boto3.

python examples/snapshot_agent/disaster.py
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3

from pyconsul.sdk import Client, ConsulError
from pyconsul.testing.ports import free_port

PATIENCE = 60.0  # seconds for any one step


def wait_until(what: str, condition: Callable[[], bool]) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: nothing after {PATIENCE:.0f} s")
        time.sleep(0.1)


def program(module: str, *words: str) -> list[str]:
    """A command line of ours for this Python."""
    return [sys.executable, "-c", f"from {module} import entry; entry()", *words]


class Stage:
    """The actors: an agent with a data directory, S3, and the snapshot agent's command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.consul_port, self.s3_port = free_port(), free_port()
        self.processes: list[subprocess.Popen[bytes]] = []
        self.s3: Any = None
        self.environ = {
            **os.environ,
            "CONSUL_HTTP_ADDR": f"127.0.0.1:{self.consul_port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
        }
        keys = folder / "snapshot.keys"
        keys.write_bytes(subprocess.run(program("pyconsul.cli.main", "keygen"), check=True, capture_output=True).stdout)
        self.flags = [
            "-aws-s3-bucket=backups",
            "-aws-s3-region=us-east-1",
            f"-aws-s3-endpoint=http://127.0.0.1:{self.s3_port}",
            "-aws-s3-force-path-style",
            f"-encryption-key-file={keys}",
        ]

    def start(self, command: list[str]) -> subprocess.Popen[bytes]:
        """Start something that stays."""
        log = (self.folder / "log.txt").open("ab")
        with log:
            self.processes.append(subprocess.Popen(command, env=self.environ, stdout=log, stderr=log))
        return self.processes[-1]

    def start_agent(self) -> subprocess.Popen[bytes]:
        """A server with its state on disk, and the wait until it leads."""
        ports = ("-dns-port=-1", "-grpc-port=-1", "-grpc-tls-port=-1", f"-http-port={self.consul_port}")
        others = (f"-server-port={free_port()}", f"-serf-lan-port={free_port()}", f"-serf-wan-port={free_port()}")
        words = ("agent", "-server", "-bootstrap-expect=1", "-bind=127.0.0.1", "-node=n1", f"-data-dir={self.data}")
        agent = self.start(program("pyconsul.cli.main", *words, *ports, *others))
        wait_until("the agent", self._leads)
        return agent

    def start_s3(self) -> None:
        """A moto server with a bucket."""
        self.start([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.s3_port)])
        wait_until("S3", lambda: _listens(self.s3_port))
        self.s3 = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.s3_port}",
            region_name="us-east-1",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        self.s3.create_bucket(Bucket="backups")

    def archives(self) -> int:
        """How many there are in the bucket."""
        return int(self.s3.list_objects_v2(Bucket="backups")["KeyCount"])

    def snapshot_agent(self, *words: str) -> list[str]:
        """A command line of the snapshot agent."""
        return program("pyconsul_snapshot_agent.main", *words, *self.flags)

    def run(self, *words: str) -> str:
        """Run one of its sub-commands; what it printed."""
        done = subprocess.run(self.snapshot_agent(*words), env=self.environ, check=True, capture_output=True, text=True)
        return done.stdout

    def client(self) -> Client:
        """A client of the agent."""
        return Client(f"127.0.0.1:{self.consul_port}")

    def end(self) -> None:
        """Stop what still runs."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(PATIENCE)

    def _leads(self) -> bool:
        try:
            with self.client() as consul:
                return bool(consul.status.leader())
        except ConsulError:
            return False


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def everything(stage: Stage) -> dict[str, bytes]:
    """All keys of the shop with their values."""
    with stage.client() as consul:
        return {entry.Key: entry.Value or b"" for entry in consul.kv.list("shop/")}


def health(stage: Stage) -> str:
    """What Consul says of the snapshot agent."""
    with stage.client() as consul:
        checks = consul.health.checks("consul-snapshot")
    return ", ".join(sorted(f"{check.Name}: {check.Status}" for check in checks))


def play(stage: Stage) -> None:
    """From data to disaster and back."""
    stage.start_s3()
    agent = stage.start_agent()
    with stage.client() as consul:
        for number in range(500):
            consul.kv.put(f"shop/item/{number}", f"price {number}")
    before = everything(stage)
    saver = stage.start(stage.snapshot_agent("-interval=1s", "-retain=3"))
    wait_until("archives", lambda: stage.archives() >= 3)
    print("health:", health(stage))
    saver.terminate()
    saver.wait(PATIENCE)
    print(stage.run("list"), end="")
    print("verified:", "ok, encrypted" in stage.run("verify"))
    agent.kill()
    agent.wait()
    shutil.rmtree(stage.data)
    stage.start_agent()
    print("after the disaster:", len(everything(stage)), "keys")
    stage.run("restore")
    print("restored:", len(everything(stage)), "keys, the same:", everything(stage) == before)


def main() -> None:
    """Play in a directory that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        try:
            play(stage)
        finally:
            stage.end()


if __name__ == "__main__":
    main()
