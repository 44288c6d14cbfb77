"""What a check costs the agent: a script's child and the other side of a connection are not counted."""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Thread
from typing import Any, Final

from bench.agents import HOST, PATIENCE, RunningAgent, cpu_seconds_of_all_threads
from bench.groups import filling
from bench.measures import Reading, Row, measure
from bench.trial import Trial

USUAL_OPEN_FILES: Final = 1024
"""The limit that service managers give; both agents take more for themselves, and give their children this."""


@measure(
    "checks",
    Row("CPU of a script check", "ms", more_is_better=False),
    Row("CPU of a script check, with 100,000 keys", "ms", more_is_better=False),
)
def scripts(trial: Trial) -> list[Reading]:
    """Shell scripts that run every second; each writes a byte to the file that counts them."""
    ran = trial.directory / "ran"
    ran.touch()
    call = {"args": ["sh", "-c", f"printf . >> {ran}"]}
    with _usual_limits(), _checking(trial, call) as agent:
        readings: list[Reading] = []
        for keys in (0, trial.scale.bulk_keys):
            filling.keys(agent, keys)
            readings.append(_cost(agent, trial.scale.check_runs, lambda: ran.stat().st_size))
        return readings


@measure("checks", Row("CPU of an HTTP check", "ms", more_is_better=False))
def http(trial: Trial) -> list[Reading]:
    """GETs every second, of a server that says no more than that it is well."""
    with _asked() as (port, asked), _checking(trial, {"http": f"http://{HOST}:{port}/health"}) as agent:
        return [_cost(agent, trial.scale.check_runs, asked)]


@measure("checks", Row("CPU of a TCP check", "ms", more_is_better=False))
def tcp(trial: Trial) -> list[Reading]:
    """Connections every second."""
    with _asked() as (port, asked), _checking(trial, {"tcp": f"{HOST}:{port}"}) as agent:
        return [_cost(agent, trial.scale.check_runs, asked)]


def _cost(agent: RunningAgent, runs: int, ran: Callable[[], int]) -> Reading:
    """CPU time a run, over so many runs. A thread may live no longer than its check."""
    before, begun = cpu_seconds_of_all_threads(agent.pid), ran()
    deadline = time.perf_counter() + PATIENCE
    while (done := ran() - begun) < runs:
        if time.perf_counter() > deadline:
            raise TimeoutError("the checks do not run")
        time.sleep(0.02)
    return Reading((cpu_seconds_of_all_threads(agent.pid) - before) / done * 1000)


@contextmanager
def _checking(trial: Trial, call: dict[str, Any]) -> Generator[RunningAgent]:
    """An agent with many such checks."""
    checks = [{"id": f"c{n}", "name": "check", "interval": "1s", **call} for n in range(trial.scale.checks)]
    file = trial.directory / "checks.json"
    file.write_text(json.dumps({"enable_local_script_checks": True, "checks": checks}))
    with trial.agent(f"-config-file={file}") as agent:
        yield agent


class _Well(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked = count(1)
    times = 0

    def setup(self) -> None:
        super().setup()
        _Well.times = next(self.asked)

    def do_GET(self) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def _asked() -> Generator[tuple[int, Callable[[], int]]]:
    """The port of a server, and how often it was connected to."""
    with ThreadingHTTPServer((HOST, 0), _Well) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port, lambda: _Well.times
        finally:
            server.shutdown()


@contextmanager
def _usual_limits() -> Generator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, USUAL_OPEN_FILES), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
