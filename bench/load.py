"""Load on an agent: ``wrk`` where it is installed, else a client of our own, in a process of its own either way."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.agents import HOST, RunningAgent, output_of
from bench.measures import Reading
from bench.trial import Scale

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Request:
    """What is asked again and again. ``spread``: ``{n}`` in the path becomes a number below it, another each time."""

    path: str
    method: str = "GET"
    body: str = ""
    spread: int = 0


def http_load(agent: RunningAgent, request: Request, scale: Scale, connections: int | None = None) -> Reading:
    """Answers a second, and the agent's CPU time an answer. Raises OSError if one was no success."""
    count = connections or scale.connections
    send = _wrk if scale.wrk and shutil.which("wrk") else _own_client
    if scale.warm_up:
        send(agent.port, request, count, scale.warm_up)
    before = agent.cpu()
    answers, seconds = send(agent.port, request, count, scale.seconds)
    return Reading(answers / seconds, (agent.cpu() - before) / max(answers, 1) * 1e6)


def dns_load(agent: RunningAgent, name: str, kind: str, scale: Scale) -> Reading:
    """DNS answers a second over UDP, and the agent's CPU time an answer."""
    if scale.warm_up:
        _child("bench.dns_load", str(agent.ports["dns"]), name, kind, str(scale.connections), str(scale.warm_up))
    before = agent.cpu()
    found = _child("bench.dns_load", str(agent.ports["dns"]), name, kind, str(scale.connections), str(scale.seconds))
    return Reading(found["answers"] / found["seconds"], (agent.cpu() - before) / max(found["answers"], 1) * 1e6)


def _child(module: str, *arguments: str) -> dict[str, float]:
    return json.loads(output_of([sys.executable, "-m", module, *arguments], directory=ROOT))


def _own_client(port: int, request: Request, connections: int, seconds: float) -> tuple[int, float]:
    plan = {"port": port, "connections": connections, "seconds": seconds}
    plan |= {"path": request.path, "method": request.method, "body": request.body, "spread": request.spread}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(plan, file)
        file.flush()
        found = _child("bench.http_load", file.name)
    if found["refused"] or not found["answers"]:
        raise OSError(f"{request.method} {request.path}: {found['refused']} of {found['answers']} answers, no success")
    return int(found["answers"]), found["seconds"]


def _wrk(port: int, request: Request, connections: int, seconds: float) -> tuple[int, float]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(_lua(request))
        script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{max(round(seconds), 1)}s", "-s", script.name]
        output = output_of([*command, f"http://{HOST}:{port}{request.path}"])
    found = re.search(r"(\d+) requests in ([\d.]+)(m?s)", output)
    if found is None or "Non-2xx" in output:
        raise OSError(f"wrk {request.method} {request.path}: {output}")
    return int(found[1]), float(found[2]) / (1000 if found[3] == "ms" else 1)


def _lua(request: Request) -> str:
    """wrk's script for this request."""
    lines = [f'wrk.method = "{request.method}"', f"wrk.body = [==[{request.body}]==]" if request.body else ""]
    if request.spread:
        before, _, after = request.path.partition("{n}")
        lines += [
            "local n = 0",
            "request = function()",
            f"  n = (n + 7919) % {request.spread}",  # a prime: no key follows its neighbour
            f'  return wrk.format(nil, "{before}" .. n .. "{after}")',
            "end",
        ]
    return "\n".join(lines)
