"""An agent process under measurement: started on free ports, asked over one connection, its CPU time and memory."""

from __future__ import annotations

import http.client
import json
import os
import resource
import signal
import subprocess
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pyconsul.testing.ports import free_ports

HOST = "127.0.0.1"
PATIENCE = 60.0
PORT_FLAGS: tuple[str, ...] = ("http", "dns", "server", "serf-lan", "serf-wan")
TICKS = os.sysconf("SC_CLK_TCK")


def output_of(command: Sequence[str], *, directory: Path | None = None) -> str:
    """What a program prints. Raises OSError with its complaint where it fails or takes for ever."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=directory, timeout=PATIENCE * 5)
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{command[0]} does not end") from error
    if done.returncode:
        complaint = done.stderr.strip().splitlines()[-1:] or ["no word why"]
        raise OSError(f"{' '.join(command)}: {complaint[0]}")
    return done.stdout


def cpu_of_children() -> float:
    """Seconds of CPU time that child processes used which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_seconds(pid: int) -> float:
    """CPU time that a process's threads have used: to the nanosecond from their schedstat, else in clock ticks."""
    with suppress(OSError, ValueError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        found = sum(int((task / "schedstat").read_text().split()[0]) for task in tasks)
        if found:
            return found / 1e9
    return cpu_seconds_of_all_threads(pid)


def cpu_seconds_of_all_threads(pid: int) -> float:
    """CPU time that a process has used, with the threads that have ended, in clock ticks (10 ms)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_mb(pid: int) -> float:
    """Resident memory in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError(f"process {pid} has no memory")


class RunningAgent:
    """A child process that answers Consul's HTTP API."""

    def __init__(self, process: subprocess.Popen[bytes], ports: Mapping[str, int], began: float) -> None:
        self.process = process
        self.pid = process.pid
        self.ports = ports
        self.port = ports["http"]
        self.began = began
        self._connection: http.client.HTTPConnection | None = None

    @property
    def address(self) -> str:
        """``host:port`` of its HTTP API."""
        return f"{HOST}:{self.port}"

    def ask(
        self, method: str, path: str, body: bytes | str | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request on the connection kept for it: status, headers and body."""
        if self._connection is None:
            self._connection = http.client.HTTPConnection(HOST, self.port, timeout=PATIENCE)
        try:
            self._connection.request(method, path, body)
            answer = self._connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            self._connection = None
            raise

    def get(self, path: str) -> Any:
        """The JSON of a GET; raises OSError for any other status than 200."""
        status, _, body = self.ask("GET", path)
        if status != http.client.OK:
            raise OSError(f"GET {path}: {status} {body[:200]!r}")
        return json.loads(body)

    def put(self, path: str, body: Any = None) -> bytes:
        """The answer to a PUT; the body is JSON unless it is bytes. Raises OSError for any other status than 200."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body)
        status, _, answer = self.ask("PUT", path, data)
        if status != http.client.OK:
            raise OSError(f"PUT {path}: {status} {answer[:200]!r}")
        return answer

    def cpu(self) -> float:
        """Seconds of CPU time used so far."""
        return cpu_seconds(self.pid)

    def memory(self) -> float:
        """Resident memory in MB."""
        return resident_mb(self.pid)

    def until(self, method: str, path: str, body: bytes | None = None, *, only_ok: bool = True) -> float:
        """Ask every millisecond until there is an answer (``only_ok``: with status 200); seconds since the start."""
        deadline = time.perf_counter() + PATIENCE
        while time.perf_counter() < deadline:
            with suppress(OSError, http.client.HTTPException):
                status, _, _ = self.ask(method, path, body)
                if status == http.client.OK or not only_ok:
                    return time.perf_counter() - self.began
            if self.process.poll() is not None:
                raise OSError(f"the agent ended with {self.process.returncode}")
            time.sleep(0.001)
        raise TimeoutError(f"{method} {path} has no answer after {PATIENCE:.0f} s")

    def wait_until_ready(self) -> None:
        """Until it leads, takes writes and stands in its own catalog."""
        self.until("PUT", "/v1/kv/bench/ready", b"1")
        deadline = time.perf_counter() + PATIENCE
        while not self.get("/v1/catalog/nodes"):
            if time.perf_counter() > deadline:
                raise TimeoutError("the agent does not register itself")
            time.sleep(0.005)

    def wait_until_quiet(self, quiet: float = 0.1) -> None:
        """Until it has used less than a twentieth of a core for a while."""
        deadline = time.perf_counter() + PATIENCE
        while time.perf_counter() < deadline:
            before = self.cpu()
            time.sleep(quiet)
            if self.cpu() - before < quiet / 20:
                return
        raise TimeoutError("the agent never comes to rest")

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it and wait for the end."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def started(
    program: str,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str] | None = None,
    ports: Mapping[str, int] | None = None,
) -> Generator[RunningAgent]:
    """A process of this program, killed at the end. It may not answer yet. Logs go nowhere, at level warn."""
    found = ports or dict(zip(PORT_FLAGS, free_ports(len(PORT_FLAGS)), strict=True))
    flags = [f"-{name}-port={port}" for name, port in found.items()]
    command = [program, "agent", *arguments, "-node=bench", f"-bind={HOST}", "-log-level=warn", *flags]
    command += ["-grpc-port=-1", "-grpc-tls-port=-1"]
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
    )
    agent = RunningAgent(process, found, began)
    try:
        yield agent
    finally:
        agent.stop()
