"""Replays the recorded behaviour of the real Consul against this tree, where the recordings lie beside the clone.

Every step that fails must stand in ``tests/conformance/waiting.tsv`` with the later capability it waits for; a step
that stands there and passes is as much an error as one that fails and does not. ``--write`` lists what fails today
under the reason "unexplained", for editing by hand.

    python scripts/conformance.py [--only FAMILY] [--jobs N] [--write]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RECORDINGS = Path(os.environ.get("PYCONSUL_CONFORMANCE", ROOT.parent / "shared" / "conformance"))
WAITING = ROOT / "tests" / "conformance" / "waiting.tsv"
REQUIRED = os.environ.get("REQUIRE_PEERS") == "1"
FAMILIES = (
    *("kv", "txn", "session", "event", "status", "coordinate", "snapshot", "operator", "dns", "filters", "query"),
    *("agent", "catalog", "health", "internal", "cli", "agentconfig", "labs", "acl", "acl-enforcement", "config"),
)
HEADER = "scenario\tstep\treason\n"

Steps = dict[tuple[str, str], str]  # (scenario, step) → reason or what differed


def main() -> int:
    """Replay and compare with the list. Returns 0 where both agree."""
    arguments = _arguments()
    if not RECORDINGS.is_dir():
        print("conformance: no recordings beside this clone, the replays are left out")
        return 1 if REQUIRED else 0
    failed, reached = _replay_all(arguments)
    if arguments.write:
        _write(failed, reached)
        return 0
    return _judge(failed, reached)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="a family, `templates` or `tools`; may be repeated")
    parser.add_argument("--jobs", type=int, default=4)
    parser.add_argument("--port-base", type=int, default=23000)
    parser.add_argument("--write", action="store_true", help="write the list anew, keeping known reasons")
    return parser.parse_args()


def _replay_all(arguments: argparse.Namespace) -> tuple[Steps, set[tuple[str, str]]]:
    """What failed, and every step that was run."""
    failed: Steps = {}
    reached: set[tuple[str, str]] = set()
    wanted = arguments.only or [*FAMILIES, "templates", "tools"]
    for family in wanted:
        replay = _replay_case_set if family in ("templates", "tools") else _replay_family
        for key, difference in replay(family, arguments):
            reached.add(key)
            if difference:
                failed[key] = difference
        own = [key for key in reached if key[0].partition("/")[0] == family]
        missed = sum(key in failed for key in own)
        print(f"  {family:<12} {len(own) - missed:>5} of {len(own)}", flush=True)
    return failed, reached


def _replay_family(family: str, arguments: argparse.Namespace) -> Iterable[tuple[tuple[str, str], str]]:
    options = ("--only", family, "--port-base", str(arguments.port_base))
    for scenario, results in _run("replay.py", options, arguments.jobs).items():
        for result in results:
            yield (scenario, str(result["number"])), "; ".join(result["differences"])


def _replay_case_set(name: str, arguments: argparse.Namespace) -> Iterable[tuple[tuple[str, str], str]]:
    options = ("--consul-template", _command("py-consul-template"))
    if name == "tools":
        options = (*options, "--envconsul", _command("py-envconsul"))
    cases: dict[str, object] = _run(f"{name}/replay.py", options, arguments.jobs)["cases"]
    for case, outcome in cases.items():  # templates: whether it passed; tools: what was wrong, or nothing
        difference = ("" if outcome else "failed") if isinstance(outcome, bool) else str(outcome or "")
        yield (f"{name}/{case}", "-"), difference


def _command(name: str) -> str:
    return str(Path(sys.executable).parent / name)


def _run(script: str, options: tuple[str, ...], jobs: int) -> dict[str, Any]:
    """Run one replay and read its result file. Raises SystemExit where it wrote none."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "result.json"
        command = [sys.executable, str(RECORDINGS / script), "--consul", _command("py-consul"), *options]
        command += ["--jobs", str(jobs), "--json", str(result)]
        environment = os.environ | {"PYTHONPYCACHEPREFIX": str(Path(sys.prefix) / "pycache")}  # nothing in the cases
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each of thousands of processes would compile all it reads
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if not result.exists():
            raise SystemExit(f"conformance: {script} gave no result:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return json.loads(result.read_text())


def _waiting() -> Steps:
    if not WAITING.exists():
        return {}
    rows = (line.split("\t") for line in WAITING.read_text().splitlines()[1:] if line)
    return {(scenario, step): reason for scenario, step, reason in rows}


def _write(failed: Steps, reached: set[tuple[str, str]]) -> None:
    known = _waiting()
    kept = {key: reason for key, reason in known.items() if key not in reached}
    rows = kept | {key: known.get(key, "unexplained") for key in failed}
    ordered = sorted(rows.items(), key=lambda row: (row[0][0], row[0][1].zfill(5)))
    WAITING.parent.mkdir(parents=True, exist_ok=True)
    WAITING.write_text(HEADER + "".join(f"{scenario}\t{step}\t{reason}\n" for (scenario, step), reason in ordered))
    print(f"conformance: {len(failed)} steps listed in {WAITING.relative_to(ROOT)}")


def _judge(failed: Steps, reached: set[tuple[str, str]]) -> int:
    waiting = {key: reason for key, reason in _waiting().items() if key in reached}
    unlisted = sorted(key for key in failed if key not in waiting)
    done = sorted(key for key in waiting if key not in failed)
    for key in unlisted[:40]:
        print(f"FAIL {key[0]} step {key[1]}: {failed[key][:400]}")
    for key in done[:40]:
        print(f"PASSES, but stands in waiting.tsv: {key[0]} step {key[1]} ({waiting[key]})")
    passed = len(reached) - len(failed)
    print(f"{passed} passed, {len(unlisted) + len(done)} failed, {len(failed) - len(unlisted)} skipped")
    return 1 if unlisted or done else 0


if __name__ == "__main__":
    sys.exit(main())
