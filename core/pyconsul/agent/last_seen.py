"""When this server ran last (``server_metadata.json``): one that was away too long must not come back with old data."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from pyconsul.agent.persistence import write_whole
from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.system_errors import file_text, words_of
from pyconsul.structs import godecode
from pyconsul.telemetry.logging import logger
from pyconsul.telemetry.routines import Routine

if TYPE_CHECKING:
    from pyconsul.config.runtime import RuntimeConfig

log = logger("agent")

FILE: Final = "server_metadata.json"
INTERVAL: Final = 3600.0  # seconds between two notes


class ServerMetadata(msgspec.Struct, frozen=True):
    """What the file says."""

    last_seen_unix: int = 0  # seconds


class LastSeen:
    """The note of one server below its data directory; in dev mode none is written. ``clock`` tells Unix seconds."""

    def __init__(self, config: RuntimeConfig, clock: Callable[[], float] = time.time) -> None:
        self._path = Path(config.data_dir) / FILE if config.data_dir else None
        self._max_age = config.server_rejoin_age_max  # ns
        self._kept = not config.dev_mode
        self._clock = clock
        self._routine = Routine("server metadata", self._keep, log)

    def check(self) -> None:
        """Raises ValueError where the last note is too old, or none can be read from the file."""
        if self._path is None:
            return
        try:
            seen = godecode.into(godecode.parse(self._path.read_bytes()), ServerMetadata).last_seen_unix
        except FileNotFoundError:  # the first start
            return
        except (OSError, ValueError) as error:
            raise ValueError(f"error reading server metadata: {words_of(error)}") from error
        if seen < self._clock() - self._max_age / 1e9:
            raise ValueError(
                "refusing to rejoin cluster because server has been offline for more than the configured"
                f" server_rejoin_age_max ({format_duration(self._max_age)}) - consider wiping your data dir"
            )

    async def start(self) -> None:
        """Take the note at once, and again every hour."""
        if self._path is not None and self._kept:
            await self._note(self._path)
            self._routine.start()

    def stop(self) -> None:
        """End."""
        self._routine.stop()

    async def _keep(self) -> None:
        while self._path is not None:
            await asyncio.sleep(INTERVAL)
            await self._note(self._path)

    async def _note(self, path: Path) -> None:
        note = msgspec.json.encode(ServerMetadata(int(self._clock())))
        try:
            await asyncio.to_thread(write_whole, path, note, sync=True)
        except OSError as error:
            log.error("failed to write server metadata", error=file_text(error))
