"""A status line on a terminal: how many dependencies are waited for, and which."""

from __future__ import annotations

import asyncio
import shutil
from typing import Final, TextIO

from pyconsul_template.runner import Runner

DELAY: Final = 0.5
"""Seconds before the line appears: what is quick needs none."""


def status_line(missing: list[str], templates: int, waiting: int, width: int) -> str:
    """One line of at most ``width`` characters."""
    head = f"{templates - waiting}/{templates} templates, waiting for {len(missing)}: "
    line = head + ", ".join(missing)
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"


class Display:
    """Keeps the line up to date while something is missing."""

    def __init__(self, runner: Runner, out: TextIO) -> None:
        self.runner = runner
        self.out = out
        self._shown = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Show the line after a moment."""
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(DELAY)
            self.update(self.runner, draw=True)

    def update(self, runner: Runner, *, draw: bool = False) -> None:
        """Draw, or clear when nothing is missing any more."""
        waiting = [t for t in runner.templates if t.missing]
        missing = sorted({name for t in waiting for name in t.missing})
        if missing and (draw or self._shown):
            width = shutil.get_terminal_size().columns
            self.out.write("\r\x1b[K" + status_line(missing, len(runner.templates), len(waiting), width))
            self._shown = True
        elif self._shown:
            self.out.write("\r\x1b[K")
            self._shown = False
        self.out.flush()

    async def stop(self) -> None:
        """Take the line away."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._shown:
            self.out.write("\r\x1b[K")
            self.out.flush()
