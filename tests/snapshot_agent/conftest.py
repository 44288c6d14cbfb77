"""Real backends for archives (moto, azurite, a GCS emulator) in processes of their own, and builders of what is stored."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pyconsul_snapshot_agent.config import Destination, Schedule
from pyconsul_snapshot_agent.storage import Source, Storage, StorageError, Stored
from pyconsul_snapshot_agent.targets import open_target

BUCKET = "snapshots"
AZURE_ACCOUNT = "devstoreaccount1"
# The emulator's well-known key, from its documentation.
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
REPOSITORY = Path(__file__).resolve().parents[2]
MILLISECOND = 1_000_000


def free_port() -> int:
    """A TCP port of the loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    """A server process that listens on ``port`` while the block runs."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
                assert time.monotonic() < deadline, f"{command[0]} does not listen"
                time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


@dataclass
class Cloud:
    """A backend: its entry point, its endpoint, and settings that fit both file and test."""

    provider: str
    endpoint: str
    settings: dict[str, Any]

    def open(self, **more: Any) -> Storage:
        """A destination in it."""
        return open_target(Destination(self.provider, {**self.settings, **more}))


@pytest.fixture(scope="session")
def s3() -> Iterator[Cloud]:
    """A moto server with one bucket."""
    port = free_port()
    with running([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port):
        settings: dict[str, Any] = {
            "s3_bucket": BUCKET,
            "s3_region": "us-east-1",
            "s3_endpoint": f"http://127.0.0.1:{port}",
            "s3_force_path_style": True,
            "access_key_id": "key",
            "secret_access_key": "secret",
        }
        cloud = Cloud("s3", settings["s3_endpoint"], settings)
        s3_client(cloud).create_bucket(Bucket=BUCKET)
        yield cloud


def s3_client(cloud: Cloud, service: str = "s3") -> Any:
    """Amazon's own client for the moto server."""
    import boto3

    return boto3.client(
        service,
        endpoint_url=cloud.endpoint,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )


@pytest.fixture(scope="session")
def azure() -> Iterator[Cloud]:
    """Azurite with one container; it comes from npm, so it may be absent."""
    program = shutil.which("azurite-blob") or str(REPOSITORY / ".peers/node_modules/.bin/azurite-blob")
    if not os.path.exists(program):
        assert os.environ.get("REQUIRE_PEERS") != "1", "azurite-blob is needed: npm install --prefix .peers azurite"
        pytest.skip("azurite is absent: npm install --prefix .peers azurite")
    port = free_port()
    flags = ["--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", "--silent"]
    with running([program, "--blobHost", "127.0.0.1", "--blobPort", str(port), *flags], port):
        from azure.storage.blob import BlobServiceClient

        endpoint = f"http://127.0.0.1:{port}/{AZURE_ACCOUNT}"
        credential = {"account_name": AZURE_ACCOUNT, "account_key": AZURE_KEY}
        with BlobServiceClient(endpoint, credential=credential) as service:
            service.create_container(BUCKET)
        settings: dict[str, Any] = {**credential, "container_name": BUCKET, "endpoint": endpoint}
        yield Cloud("azure", endpoint, settings)


@pytest.fixture(scope="session")
def gcs() -> Iterator[Cloud]:
    """A GCS emulator with one bucket."""
    port = free_port()
    program = [sys.executable, "-m", "gcp_storage_emulator", "start", "--host", "127.0.0.1", "--port", str(port)]
    with running([*program, "--in-memory", "--quiet", "--default-bucket", BUCKET], port):
        endpoint = f"http://127.0.0.1:{port}"
        yield Cloud("gcs", endpoint, {"bucket": BUCKET, "endpoint": endpoint})


@pytest.fixture
def local(tmp_path: Path) -> Cloud:
    """A directory."""
    return Cloud("local", str(tmp_path / "archives"), {"path": str(tmp_path / "archives")})


@pytest.fixture(params=["local", "s3", "azure", "gcs"])
def storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """Each kind of destination in turn, empty at the start and at the end."""
    opened: Storage = request.getfixturevalue(request.param).open()
    for left in opened.stored():
        opened.delete(left.name)
    yield opened
    for left in opened.stored():
        opened.delete(left.name)


def archive_of(state: bytes = b"the state", **changes: bytes) -> bytes:
    """A snapshot archive; ``changes`` replace a member's bytes after the digests were made."""
    meta = json.dumps({"Version": 1, "ID": "2-7-1", "Index": 7, "Term": 2, "Size": len(state)}).encode() + b"\n"
    members = {"meta.json": meta, "state.bin": state}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in members.items())
    members = {**members, "SHA256SUMS": sums.encode(), **{name.replace("_", "."): new for name, new in changes.items()}}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", compresslevel=1) as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def fast_schedule(**changes: Any) -> Schedule:
    """A schedule with pauses that a test can wait for; durations are nanoseconds."""
    quick: dict[str, Any] = {
        "interval": 50 * MILLISECOND,
        "backoff": MILLISECOND,
        "max_backoff": 20 * MILLISECOND,
        "attempts": 3,
        "lock_delay": 0,
    }
    return Schedule(**{**quick, **changes})


@dataclass
class MemoryStorage:
    """A destination in memory that can be told to fail: ``refuse`` the next puts, ``spoil`` what is stored."""

    where: str = "memory"
    fixed_name: str = ""
    objects: dict[str, bytes] = field(default_factory=dict[str, bytes])
    calls: list[str] = field(default_factory=list[str])
    refuse: int = 0
    spoil: Callable[[bytes], bytes] | None = None
    undeletable: bool = False

    def put(self, name: str, source: Source, size: int) -> None:
        """Store, or fail as told."""
        del size
        self.calls.append(f"put {name}")
        if self.refuse:
            self.refuse -= 1
            raise StorageError("out of space")
        data = source.read()
        self.objects[name] = self.spoil(data) if self.spoil else data

    def pieces(self, name: str) -> Iterator[bytes]:
        """The object in small pieces."""
        self.calls.append(f"read {name}")
        data = self.objects[name]
        yield from (data[at : at + 1000] for at in range(0, len(data), 1000))

    def stored(self) -> list[Stored]:
        """All objects."""
        return [Stored(name, len(data)) for name, data in self.objects.items()]

    def delete(self, name: str) -> None:
        """Remove, or fail as told."""
        self.calls.append(f"delete {name}")
        if self.undeletable:
            raise StorageError("access denied")
        self.objects.pop(name, None)

    def sweep(self, before: float) -> int:
        """Nothing is ever left behind."""
        del before
        return 0
