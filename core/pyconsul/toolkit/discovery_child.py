"""A cloud look-up in a process of its own, for those that must not wait: the agent.

The libraries of clouds hold the interpreter for long (measured: 300 ms for each EC2 client, at every attempt) and stay
in memory once imported; a child costs the agent neither. The string goes over standard input, for it may hold secrets
that nobody shall see in a list of processes; what is logged and the addresses come back as JSON, one object a line.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from typing import Any, Final

from pyconsul.primitives.spawning import PipedProcess, spawn
from pyconsul.telemetry.logging import Level
from pyconsul.toolkit.discovery import DiscoverError, LogLine, look_up

__all__ = ["look_up_apart"]

LINE_LIMIT_BYTES: Final = 16 << 20  # all addresses come in one line, and a cloud may have many machines


async def look_up_apart(text: str, log: LogLine) -> list[str]:
    """As ``look_up``, in a child that ends with the caller's task. Raises DiscoverError."""
    try:
        child = await spawn(
            [sys.executable, "-m", "pyconsul.toolkit.discovery_child"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            limit=LINE_LIMIT_BYTES,
        )
    except OSError as error:
        raise DiscoverError(f"discover: cannot start a look-up: {error}") from error
    try:
        return await _talk(child, text, log)
    finally:
        await child.end()


async def _talk(child: PipedProcess, text: str, log: LogLine) -> list[str]:
    assert child.stdin is not None and child.stderr is not None
    complaints = asyncio.create_task(child.stderr.read())
    try:
        child.stdin.write(text.encode("utf-8", "surrogateescape"))
        child.stdin.close()
        async for line in child.stdout:
            said: dict[str, Any] = json.loads(line)
            if "error" in said:
                raise DiscoverError(said["error"])
            if "addresses" in said:
                return said["addresses"]
            log(Level[said["level"]], said["line"])
        last = (await complaints).decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise DiscoverError(f"discover: the look-up ended with status {await child.wait()}: {last}")
    finally:
        complaints.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await complaints


def _answer(**members: object) -> None:
    sys.stdout.write(json.dumps(members) + "\n")
    sys.stdout.flush()


def _tell(level: Level, line: str) -> None:
    _answer(level=level.name, line=line)


def main() -> None:
    """The child: one look-up from standard input."""
    text = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
    try:
        found = asyncio.run(look_up(text, _tell))
    except DiscoverError as error:
        _answer(error=str(error))
    else:
        _answer(addresses=found)


if __name__ == "__main__":
    main()
