"""One trial: which programs are measured, how much of everything, and a fresh directory for it."""

from __future__ import annotations

import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.agents import RunningAgent, started

BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Scale:
    """How much of everything. The defaults are those of ``docs/performance.md``."""

    seconds: float = 3.0
    warm_up: float = 1.0
    wrk: bool = True
    connections: int = 32
    instances: int = 20
    services: int = 100
    agent_services: int = 50
    recurse_keys: int = 10_000
    txn_sets: int = 64
    waiters: int = 1_000
    writes: int = 7
    registrations: int = 300
    checks: int = 50
    check_runs: int = 500
    bulk_keys: int = 100_000
    tree_keys: int = 1_000
    templates: int = 500
    runs: int = 15
    sdk_requests: int = 3_000
    growth: tuple[int, ...] = (1_000, 10_000, 100_000, 1_000_000)
    idle_seconds: float = 2.0


TINY = Scale(
    seconds=0.1,
    warm_up=0.0,
    wrk=False,
    connections=4,
    instances=3,
    services=3,
    agent_services=3,
    recurse_keys=50,
    txn_sets=4,
    waiters=10,
    writes=2,
    registrations=5,
    checks=2,
    check_runs=2,
    bulk_keys=200,
    tree_keys=20,
    templates=3,
    runs=1,
    sdk_requests=20,
    growth=(100,),
    idle_seconds=0.0,
)


@dataclass(frozen=True)
class Programs:
    """One side of the comparison: its agent, its template renderer, its Python for the client library."""

    agent: str = str(BIN / "py-consul")
    template: str = str(BIN / "py-consul-template")
    sdk: str = sys.executable
    ours: bool = True


@dataclass(frozen=True)
class Trial:
    """What a measure gets. ``directory`` is fresh and goes afterwards; ``host_agent`` serves the tools' measures."""

    programs: Programs
    scale: Scale
    directory: Path
    host_agent: str = str(BIN / "py-consul")

    @contextmanager
    def agent(
        self, *arguments: str, environment: Mapping[str, str] | None = None, host: bool = False
    ) -> Generator[RunningAgent]:
        """A dev agent of this side (``host``: of the program that serves both sides), ready for writes."""
        program = self.host_agent if host else self.programs.agent
        with started(program, ("-dev", *arguments), environment=environment) as agent:
            agent.wait_until_ready()
            yield agent
