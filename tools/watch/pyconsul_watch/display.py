"""A status line on a terminal: how many watches wait, run, fail, and what happened last."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, TextIO

from pyconsul_watch.follower import Follower, Phase

PAUSE: Final = 0.5
"""Seconds between two looks."""


def status_text(followers: Sequence[Follower]) -> str:
    """One line: watches by what they are doing, calls, and the last change."""
    counts = Counter(follower.progress.phase for follower in followers)
    phases = ", ".join(f"{counts[phase]} {phase.value}" for phase in Phase if counts[phase])
    calls = sum(follower.progress.calls for follower in followers)
    text = f"{len(followers)} watches ({phases or 'none'}), {calls} calls"
    last = max(followers, key=lambda follower: follower.progress.changed_at, default=None)
    if last is not None and last.progress.changed_at:
        at = time.strftime("%H:%M:%S", time.localtime(last.progress.changed_at))
        text += f", last {last.watch.id} at {at}"
    return text


class Display:
    """Keeps the line up to date; log lines go above it."""

    def __init__(self, out: TextIO, followers: Callable[[], Sequence[Follower]]) -> None:
        self._out = out
        self._followers = followers
        self._shown = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to show the line."""
        self._task = asyncio.create_task(self._run())

    def clear(self, _record: logging.LogRecord | None = None) -> bool:
        """Take the line away, so that something else can be written. Serves as a filter of log handlers."""
        if self._shown:
            self._out.write("\r\x1b[K")
            self._out.flush()
            self._shown = ""
        return True

    async def stop(self) -> None:
        """Take the line away for good."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self.clear()

    async def _run(self) -> None:
        while True:
            self._draw()
            await asyncio.sleep(PAUSE)

    def _draw(self) -> None:
        width = shutil.get_terminal_size().columns
        text = status_text(self._followers())
        text = text if len(text) < width else text[: max(width - 2, 0)] + "…"
        if text != self._shown:
            self._out.write("\r\x1b[K" + text)
            self._out.flush()
            self._shown = text
