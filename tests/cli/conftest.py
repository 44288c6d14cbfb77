"""A console whose streams a test can read, and a stand-in for the agent that answers what a test tells it to."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from pyconsul.cli.console import Console
from pyconsul.cli.main import main
from pyconsul.sdk import Client, ConsulError, Retry, Settings
from pyconsul.testing.ports import free_ports


@dataclass
class Result:
    """What a command line did."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        """Standard output as text."""
        return self.raw.decode()


@dataclass
class Asked:
    """One request that the stand-in got."""

    method: str
    path: str
    params: dict[str, list[str]]
    headers: Mapping[str, str]
    body: bytes


Scripted = tuple[int, bytes] | bytes | dict[str, Any] | list[Any] | str | bool | None
"""Status and body, or the body of a success: bytes, or what becomes JSON."""


@dataclass
class FakeAgent:
    """Answers by ``(method, path)``: a JSON value, bytes, or ``(status, bytes)``; everything else is 404."""

    answers: dict[tuple[str, str], Scripted] = field(default_factory=dict[tuple[str, str], Scripted])
    headers: dict[str, str] = field(default_factory=lambda: {"X-Consul-Index": "7"})
    asked: list[Asked] = field(default_factory=list[Asked])
    address: str = ""

    def on(self, method: str, path: str, answer: Scripted) -> None:
        """Answer a request."""
        self.answers[method, path] = answer

    def reply(self, asked: Asked) -> tuple[int, bytes]:
        """Status and body for one request."""
        self.asked.append(asked)
        if (asked.method, asked.path) not in self.answers:
            return 404, b""
        answer = self.answers[asked.method, asked.path]
        if isinstance(answer, tuple):
            return answer
        return 200, answer if isinstance(answer, bytes) else json.dumps(answer).encode()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    agent: FakeAgent

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self._body()
        params = parse_qs(parts.query, keep_blank_values=True)
        status, data = self.agent.reply(Asked(self.command, parts.path, params, dict(self.headers), body))
        self.send_response(status)
        for name, value in self.agent.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces: list[bytes] = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    do_GET = do_PUT = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no error; anything else must show."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@pytest.fixture
def agent() -> Iterator[FakeAgent]:
    """A stand-in for the agent on a free port."""
    fake = FakeAgent()
    handler = type("Handler", (_Handler,), {"agent": fake})
    server = _Server(("127.0.0.1", 0), handler)
    fake.address = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    server.shutdown()
    thread.join()
    server.server_close()


Run = Callable[..., Result]
"""Runs the words of a command line; ``stdin`` and variables of the environment are keywords."""


@pytest.fixture
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a command line, against the stand-in where the test has one."""
    fake = request.getfixturevalue("agent") if "agent" in request.fixturenames else None

    def run_line(*words: str, stdin: bytes = b"", **environ: str) -> Result:
        out, err = io.BytesIO(), io.BytesIO()
        address = {"CONSUL_HTTP_ADDR": fake.address} if fake else {}
        console = Console(out, err, io.BytesIO(stdin), {"PATH": "/usr/bin:/bin", **address, **environ})
        code = main(words, console)
        return Result(code, out.getvalue(), err.getvalue().decode())

    return run_line


_PORT_FLAGS = ("http", "dns", "grpc", "grpc-tls", "server", "serf-lan", "serf-wan")


@pytest.fixture(scope="session")
def live_address() -> Iterator[str]:
    """The address of a development agent of ours in a process of its own, shared by all tests."""
    ports = free_ports(len(_PORT_FLAGS))
    flags = [f"-{name}-port={port}" for name, port in zip(_PORT_FLAGS, ports, strict=True)]
    program = "from pyconsul.cli.main import entry; entry()"
    command = [sys.executable, "-c", program, "agent", "-dev", "-node=live", *flags]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        try:
            _wait_until_ready(f"127.0.0.1:{ports[0]}", process)
            yield f"127.0.0.1:{ports[0]}"
        finally:
            process.kill()  # it keeps nothing
            process.wait()


def _wait_until_ready(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the agent leads and has registered itself."""
    deadline = time.monotonic() + 30
    with Client(Settings(address=address, retry=Retry.NEVER)) as client:
        while time.monotonic() < deadline:
            assert process.poll() is None, "the agent ended while starting"
            try:
                if client.catalog.node("live"):
                    return
            except ConsulError:
                pass
            threading.Event().wait(0.02)
    raise AssertionError("the agent did not become ready")


@pytest.fixture
def live(live_address: str) -> Run:
    """Runs a command line as a process of its own against the live agent; ``cwd`` and ``stdin`` are keywords."""

    def run_process(*words: str, stdin: bytes = b"", cwd: Path | None = None, **environ: str) -> Result:
        program = "from pyconsul.cli.main import entry; entry()"
        done = subprocess.run(
            [sys.executable, "-c", program, *words],
            input=stdin,
            capture_output=True,
            cwd=cwd,
            env={"PATH": os.environ["PATH"], "CONSUL_HTTP_ADDR": live_address, **environ},
            timeout=60,
        )
        return Result(done.returncode, done.stdout, done.stderr.decode())

    return run_process


PROGRAM = "from pyconsul.cli.main import entry; entry()"
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(live_address: str, start_process: Start) -> Start:
    """Starts a command line against the live agent as a process that goes on; ``before`` is run in it first."""

    def start_line(*words: str, before: str = "") -> subprocess.Popen[bytes]:
        return start_process(
            [sys.executable, "-c", before + PROGRAM, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "CONSUL_HTTP_ADDR": live_address},
        )

    return start_line
