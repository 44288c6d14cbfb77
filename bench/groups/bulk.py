"""A hundred thousand keys at once: snapshots saved and restored, a server started again over its data directory."""

from __future__ import annotations

import http.client
import signal
import threading
import time

from bench.agents import HOST, PATIENCE, PORT_FLAGS, RunningAgent, started
from bench.groups import filling
from bench.measures import Reading, Row, measure
from bench.trial import Trial
from pyconsul.testing.ports import free_ports

ASK_EVERY = 0.002


class Longest(threading.Thread):
    """Asks the agent a small question again and again; ``ms`` is the longest time an answer took."""

    def __init__(self, agent: RunningAgent) -> None:
        super().__init__(daemon=True)
        self._agent = agent
        self._over = threading.Event()
        self.ms = 0.0

    def run(self) -> None:
        """Ask until ``finish``."""
        connection = http.client.HTTPConnection(HOST, self._agent.port, timeout=PATIENCE)
        while not self._over.is_set():
            began = time.perf_counter()
            connection.request("GET", "/v1/status/leader")
            connection.getresponse().read()
            self.ms = max(self.ms, (time.perf_counter() - began) * 1000)
            self._over.wait(ASK_EVERY)
        connection.close()

    def finish(self) -> float:
        """Stop asking; the longest answer in ms."""
        self._over.set()
        self.join()
        return self.ms


@measure(
    "bulk",
    Row("snapshot save, 100,000 keys", "ms", more_is_better=False, target=2.0),
    Row("longest other answer meanwhile", "ms", more_is_better=False),
    Row("snapshot restore, 100,000 keys", "ms", more_is_better=False, target=2.0),
    Row("longest other answer while restoring", "ms", more_is_better=False),
)
def snapshots(trial: Trial) -> list[Reading]:
    """Over HTTP, with somebody else asking meanwhile."""
    with trial.agent() as agent:
        filling.keys(agent, trial.scale.bulk_keys)
        agent.wait_until_quiet()
        archive, *saved = _timed(agent, "GET", None)
        agent.wait_until_quiet()
        _, *restored = _timed(agent, "PUT", archive)
    return [*saved, *restored]


def _timed(agent: RunningAgent, method: str, body: bytes | None) -> tuple[bytes, Reading, Reading]:
    other = Longest(agent)
    other.start()
    time.sleep(ASK_EVERY * 10)
    before, began = agent.cpu(), time.perf_counter()
    status, _, answer = agent.ask(method, "/v1/snapshot", body)
    taken = Reading((time.perf_counter() - began) * 1000, (agent.cpu() - before) * 1e6)
    if status != http.client.OK:
        raise OSError(f"{method} /v1/snapshot: {status} {answer[:200]!r}")
    return answer, taken, Reading(other.finish())


@measure("bulk", Row("restart with 100,000 keys → first read of one", "ms", more_is_better=False, target=1.0))
def restart(trial: Trial) -> list[Reading]:
    """A server with a data directory, ended by SIGTERM and started again."""
    flags = ("-server", "-bootstrap-expect=1", f"-data-dir={trial.directory / 'data'}")
    ports = dict(zip(PORT_FLAGS, free_ports(len(PORT_FLAGS)), strict=True))
    with started(trial.programs.agent, flags, ports=ports) as agent:
        agent.wait_until_ready()
        filling.keys(agent, trial.scale.bulk_keys)
        agent.wait_until_quiet()
        agent.stop(signal.SIGTERM)
    with started(trial.programs.agent, flags, ports=ports) as agent:
        taken = agent.until("GET", f"/v1/kv/bulk/{trial.scale.bulk_keys - 1:07}")
        return [Reading(taken * 1000, agent.cpu() * 1e6)]
