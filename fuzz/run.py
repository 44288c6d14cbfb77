"""Throw mutated input at a parser until something breaks: ``python fuzz/run.py hcl --seconds 60 --seed 1``.

A target is a module in ``fuzz/targets`` with ``SEEDS``, a list of inputs to start from, and ``run(data)``, which must
come back for any bytes: errors that the parser is meant to raise are caught there. Anything else is a finding; it is
printed with the input and the seed that reproduces it.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, cast

sys.path.insert(0, str(Path(__file__).resolve().parent))

SLOW = 2.0
"""Seconds for one input of a few kilobytes that count as a finding."""


class Target(Protocol):
    """What a module in ``fuzz/targets`` offers."""

    SEEDS: Sequence[bytes]
    TOKENS: Sequence[bytes]
    run: Callable[[bytes], None]


def target(name: str) -> Target:
    """The target of this name."""
    return cast("Target", importlib.import_module(f"targets.{name}"))


def names() -> list[str]:
    """All targets."""
    return sorted(path.stem for path in (Path(__file__).parent / "targets").glob("[a-z]*.py"))


def inputs(chosen: Target, dice: random.Random) -> Iterator[bytes]:
    """Endless mutations of the seeds: bytes changed, cut, doubled, crossed, tokens of the language put in."""
    while True:
        data = bytearray(dice.choice(chosen.SEEDS))
        for _ in range(dice.randrange(1, 6)):
            at = dice.randrange(len(data) + 1)
            match dice.randrange(6):
                case 0:
                    data[at:at] = dice.choice(chosen.TOKENS)
                case 1:
                    del data[at : at + dice.randrange(1, 9)]
                case 2:
                    data[at : at + 1] = bytes([dice.randrange(256)])
                case 3:
                    data[at:at] = data[at : at + dice.randrange(1, 40)] * dice.randrange(1, 8)
                case 4:
                    other = dice.choice(chosen.SEEDS)
                    data[at:] = other[dice.randrange(len(other) + 1) :]
                case _:
                    data[at:at] = dice.choice(chosen.TOKENS) * dice.randrange(1, 60)
        yield bytes(data[:8192])


def attack(name: str, seed: int, *, seconds: float = float("inf"), rounds: int = sys.maxsize) -> int:
    """Run a target for so long or so many rounds; returns how many inputs it took. Raises what it finds."""
    chosen = target(name)
    dice = random.Random(seed)
    end = time.monotonic() + seconds
    done = 0
    for data in inputs(chosen, dice):
        if done >= rounds or time.monotonic() > end:
            break
        started = time.process_time()
        try:
            chosen.run(data)
        except BaseException as error:
            error.add_note(f"target {name}, seed {seed}, input {done}: {data!r}")
            raise
        if time.process_time() - started > SLOW:
            raise AssertionError(f"target {name}, seed {seed}, input {done} took too long: {data!r}")
        done += 1
    return done


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Fuzz a parser.")
    parser.add_argument("target", choices=[*names(), "all"])
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--seed", type=int, default=None)
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(1 << 32)
    for name in names() if given.target == "all" else [given.target]:
        try:
            done = attack(name, seed, seconds=given.seconds)
        except Exception:
            traceback.print_exc()
            return 1
        sys.stdout.write(f"{name}: {done} inputs, nothing found (seed {seed})\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
