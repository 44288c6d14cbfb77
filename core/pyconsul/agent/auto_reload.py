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
    paths: Callable[[], Iterable[str]], reload: Callable[[], Awaitable[None]], log: Logger, interval: float = INTERVAL
) -> None:
    """Call ``reload`` after each change of a file, until cancelled. A broken file changes nothing and is logged.

    ``paths`` tells which files count; a reload may change that.
    """
    log.debug("starting file watcher")
    files = ConfigFiles(paths())
    while True:
        await asyncio.sleep(interval)
        changes = await asyncio.to_thread(files.changes)
        if not changes:
            continue
        log.debug("auto-reload config triggered", **{"num-events": changes})
        try:
            await reload()
        except ConfigError as error:
            log.error("error loading config", error=str(error))
        await asyncio.to_thread(files.follow, paths())
