"""Everything that a change must pass, in order of how soon it tells: ``make test``.

Stops at the first step that fails and says how to run just that one again. On a terminal each step shows its name
while it runs; the output of a step is shown where it fails, and the last lines of the tests always.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SOURCES = ("core", "tools", "tests", "scripts", "bench", "fuzz", "examples")


# Programs from elsewhere than Python's packages; their tests are left out where they are absent.
PEERS = ("dig", "curl", "ip", "azurite-blob")
NPM = ROOT / ".peers" / "node_modules" / ".bin"


def missing_peers() -> list[str]:
    """The peers that this machine does not have."""
    return [name for name in PEERS if not (shutil.which(name) or shutil.which(name, path=NPM))]


@dataclass(frozen=True)
class Step:
    """One command; ``live`` ones show their output as it comes."""

    name: str
    command: tuple[str, ...]
    live: bool = False


def steps() -> list[Step]:
    """The steps of this tree."""
    sources = tuple(name for name in SOURCES if (ROOT / name).is_dir())
    return [
        Step("lint", (str(BIN / "ruff"), "check", "--quiet", *sources)),
        Step("format", (str(BIN / "ruff"), "format", "--check", "--quiet", *sources)),
        Step("layers", (str(BIN / "lint-imports"),)),
        Step("types", (str(BIN / "basedpyright"), "--level", "error")),
        Step("tests", (sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile", "tests"), live=True),
        Step("conformance", (sys.executable, "scripts/conformance.py"), live=True),
    ]


def run(step: Step) -> int:
    """Run one step; returns its exit status."""
    began = time.monotonic()
    terminal = sys.stdout.isatty()
    print(f"── {step.name}", end="" if terminal and not step.live else "\n", flush=True)
    if step.live:
        status = subprocess.run(step.command, cwd=ROOT, check=False).returncode
    else:
        done = subprocess.run(step.command, cwd=ROOT, capture_output=True, text=True, check=False)
        status = done.returncode
        if status:
            print("\n" + done.stdout + done.stderr)
    took = time.monotonic() - began
    if status:
        print(f"{step.name} failed after {took:.0f} s. Again with: {' '.join(step.command)}")
    else:
        print(f"{chr(13) if terminal and not step.live else ''}── {step.name}: passed in {took:.0f} s", flush=True)
    return status


def main() -> int:
    """Run all steps, or those named on the command line. Returns the first status that is not 0."""
    wanted, known = sys.argv[1:], steps()
    if unknown := sorted({*wanted} - {step.name for step in known}):
        names = ", ".join(step.name for step in known)
        print(f"No such step: {', '.join(unknown)}. There are: {names}", file=sys.stderr)
        return 2
    # Thousands of processes of ours are started: they compile each module once, and beside the tree, not in it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(sys.prefix) / "pycache"))
    if missing := missing_peers():
        print(f"Missing here, so that what needs them is not tested: {', '.join(missing)}", flush=True)
    for step in known:
        if wanted and step.name not in wanted:
            continue
        if status := run(step):
            return status
    return 0


if __name__ == "__main__":
    sys.exit(main())
