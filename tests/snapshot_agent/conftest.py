"""Real backends for archives (moto, azurite, a GCS emulator) in processes of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

from pyconsul.testing.ports import free_port
from pyconsul_snapshot_agent.config import Destination, Schedule
from pyconsul_snapshot_agent.storage import Storage
from pyconsul_snapshot_agent.targets import open_target
from tests.amazon import client

BUCKET = "snapshots"
AZURE_ACCOUNT = "devstoreaccount1"
# The emulator's well-known key, from its documentation.
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
REPOSITORY = Path(__file__).resolve().parents[2]
MILLISECOND = 1_000_000


@contextmanager
def running(command: list[str], port: int) -> Generator[None]:
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

    def amazon(self, service: str = "s3") -> Any:
        """Amazon's own client for the moto server."""
        return client(service, self.endpoint, "us-east-1")


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
        cloud.amazon().create_bucket(Bucket=BUCKET)
        yield cloud


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
            service.create_container(BUCKET)  # pyright: ignore[reportUnknownMemberType]
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


@pytest.fixture
def fast() -> Callable[..., Schedule]:
    """Builds schedules with pauses that a test can wait for; durations are nanoseconds."""

    def build(**changes: Any) -> Schedule:
        quick: dict[str, Any] = {
            "interval": 50 * MILLISECOND,
            "backoff": MILLISECOND,
            "max_backoff": 20 * MILLISECOND,
            "attempts": 3,
            "lock_delay": 0,
        }
        return Schedule(**{**quick, **changes})

    return build


class Relay:
    """A TCP port that leads to another one. It can be cut, led elsewhere, and told to stall a sender midway."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.is_cut = False
        self.stall_after: int | None = None
        self.stalled = threading.Event()
        self._passed = 0
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Drop all connections, and refuse new ones until ``target`` is set again and ``is_cut`` is False."""
        self.is_cut = True
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening, too."""
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                self._sockets.append(near)
                if self.is_cut:
                    near.close()
                    continue
                try:
                    far = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    near.close()
                    continue
                self._sockets.append(far)
                for ends in ((near, far, True), (far, near, False)):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, is_request: bool) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if is_request and self.stall_after is not None:
                    self._passed += len(data)
                    if self._passed > self.stall_after:
                        self.stalled.set()
                        return  # neither passed on nor closed: the sender waits for ever
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def relay() -> Iterator[Callable[[int], Relay]]:
    """Makes relays to a port."""
    made: list[Relay] = []

    def make(target: int) -> Relay:
        made.append(Relay(target))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Tool:
    """A snapshot agent in a process of its own; ``lines`` of its log so far."""

    def __init__(self, start_process: Callable[..., subprocess.Popen[str]], agent_address: str, *flags: str) -> None:
        self.lines: list[str] = []
        environ = {**os.environ, "CONSUL_HTTP_ADDR": agent_address}
        program = [sys.executable, "-m", "pyconsul_snapshot_agent.main", "-log-level=debug", *flags]
        self.process = start_process(program, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self._news = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line.rstrip())
                self._news.notify_all()

    def wait_for(self, text: str, timeout: float = 60) -> None:
        """Wait until a line of the log has that text."""
        with self._news:
            seen = self._news.wait_for(lambda: any(text in line for line in self.lines), timeout)
        assert seen, self.lines

    def end(self, number: int) -> int:
        """Send a signal and wait for the end. The exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end. The exit status."""
        status = self.process.wait(60)
        self._reader.join()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status


class StartTool(Protocol):
    """Starts snapshot agents."""

    def __call__(self, agent_address: str, *flags: str) -> Tool:
        """One with that agent."""
        ...


@pytest.fixture
def tool(start_process: Callable[..., subprocess.Popen[str]]) -> Iterator[StartTool]:
    """Starts snapshot agents; those that still run at the end are killed."""
    made: list[Tool] = []

    def start(agent_address: str, *flags: str) -> Tool:
        made.append(Tool(start_process, agent_address, *flags))
        return made[-1]

    yield start
    for each in made:
        each.process.kill()
        each.wait()
