"""``auto_reload_config``: reload when a configuration file changes, without being told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from pyconsul.config.errors import ConfigError
from pyconsul.config.watching import ConfigFiles
from pyconsul.telemetry.logging import Logger

INTERVAL: Final = 1.0
"""Seconds between looks; changes within one are taken together, as in Consul."""


async def reload_on_change(
    paths: Iterable[str], reload: Callable[[], Awaitable[None]], log: Logger, interval: float = INTERVAL
) -> None:
    """Call ``reload`` after each change of a file, until cancelled. A broken file changes nothing and is logged."""
    files = ConfigFiles(paths)
    while True:
        await asyncio.sleep(interval)
        if not await asyncio.to_thread(files.changed):
            continue
        log.debug("auto-reload config triggered")
        try:
            await reload()
        except ConfigError as error:
            log.error("error loading config", error=str(error))
