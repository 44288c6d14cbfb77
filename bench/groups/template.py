"""The template renderer: its first render, its answer to a write, its memory. One agent serves both sides."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.agents import PATIENCE, RunningAgent, cpu_of_children, cpu_seconds, output_of, resident_mb
from bench.groups import filling
from bench.groups.fanout import MANY_CONNECTIONS
from bench.measures import Reading, Row, measure
from bench.trial import Trial

LOOK_EVERY = 0.0005
STANZA = """template {{
  source = "{source}"
  destination = "{destination}"
}}"""


def once(trial: Trial, text: str) -> list[Reading]:
    """Milliseconds of a whole run with ``-once`` over the tree of keys."""
    source, target = trial.directory / "in.tpl", trial.directory / "out.txt"
    source.write_text(text)
    with trial.agent(*MANY_CONNECTIONS, host=True) as agent:  # beyond 200 both sides would wait and try again
        filling.keys(agent, trial.scale.tree_keys, prefix="tree", value=b"v" * 20)
        before, began = cpu_of_children(), time.perf_counter()
        output_of([*command(trial, agent), f"-template={source}:{target}", "-once"])
        taken, used = time.perf_counter() - began, cpu_of_children() - before
    if target.read_text().count("vvv") < trial.scale.tree_keys:
        raise OSError("not everything was rendered")
    return [Reading(taken * 1000, used * 1e6)]


def command(trial: Trial, agent: RunningAgent) -> list[str]:
    """The renderer's command line against this agent."""
    return [trial.programs.template, f"-consul-addr={agent.address}", "-log-level=warn"]


@measure("template", Row("first render: tree of 1,000 keys", "ms", more_is_better=False, target=15.0), peer="template")
def tree(trial: Trial) -> list[Reading]:
    """One query for all, process start included."""
    return once(trial, '{{ range tree "tree" }}{{ .Key }}={{ .Value }}\n{{ end }}')


@measure("template", Row("first render: 1,000 keys apart", "ms", more_is_better=False, target=1.5), peer="template")
def separate(trial: Trial) -> list[Reading]:
    """A query a key, process start included."""
    keys = (f'{{{{ key "tree/{n:07}" }}}}\n' for n in range(trial.scale.tree_keys))
    return once(trial, "".join(f"{line}vvv" for line in keys))


@contextmanager
def running(command_line: Sequence[str]) -> Generator[int]:
    """A renderer that stays; gives its process id, and kills it at the end."""
    process = subprocess.Popen(command_line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def wait_for(file: Path, text: str) -> float:
    """The time at which the file has this content."""
    deadline = time.perf_counter() + PATIENCE
    while time.perf_counter() < deadline:
        if file.exists() and file.read_text() == text:
            return time.perf_counter()
        time.sleep(LOOK_EVERY)
    raise TimeoutError(f"{file.name} was not rendered")


@measure("template", Row("write → re-rendered file", "ms", more_is_better=False, target=1.2), peer="template")
def again(trial: Trial) -> list[Reading]:
    """From the beginning of the write to the file's new content, without a quiescence time; CPU is the renderer's."""
    source, target = trial.directory / "in.tpl", trial.directory / "out.txt"
    source.write_text('{{ key "bench/watched" }}')
    taken: list[float] = []
    with trial.agent(host=True) as agent:
        agent.put("/v1/kv/bench/watched", b"0")
        with running([*command(trial, agent), f"-template={source}:{target}"]) as pid:
            wait_for(target, "0")
            agent.wait_until_quiet(0.3)
            before = cpu_seconds(pid)
            for n in range(1, trial.scale.writes + 1):
                agent.wait_until_quiet(0.3)
                began = time.perf_counter()
                agent.put("/v1/kv/bench/watched", b"%d" % n)
                taken.append(wait_for(target, str(n)) - began)
            agent.wait_until_quiet(0.3)
            used = (cpu_seconds(pid) - before) / trial.scale.writes
    return [Reading(statistics.median(taken) * 1000, used * 1e6)]


@measure("template", Row("memory with 500 templates", "MB", more_is_better=False), peer="template")
def many_templates(trial: Trial) -> list[Reading]:
    """Five hundred templates of a key each, all rendered and waiting."""
    folder = trial.directory
    stanzas: list[str] = []
    for n in range(trial.scale.templates):
        (folder / f"{n}.tpl").write_text(f'{{{{ key "tree/{n:07}" }}}}')
        stanzas.append(STANZA.format(source=folder / f"{n}.tpl", destination=folder / f"{n}.out"))
    (folder / "all.hcl").write_text("\n".join(stanzas))
    with trial.agent(*MANY_CONNECTIONS, host=True) as agent:
        filling.keys(agent, max(trial.scale.templates, 1), prefix="tree", value=b"v" * 20)
        with running([*command(trial, agent), f"-config={folder}/all.hcl"]) as pid:
            for n in range(trial.scale.templates):
                wait_for(folder / f"{n}.out", "v" * 20)
            agent.wait_until_quiet()
            return [Reading(resident_mb(pid))]
