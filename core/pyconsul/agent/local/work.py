"""The agent's local side as one thing to start and stop: registrations, checks, files, the reaper of dead services."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from pyconsul.agent.checks.runner import CheckRunner
from pyconsul.agent.checks.tls import check_tls
from pyconsul.agent.local.loading import Loader
from pyconsul.agent.local.maintenance import Maintenance
from pyconsul.agent.local.registrations import Registrations
from pyconsul.agent.local.state import LocalState, NodeFacts
from pyconsul.agent.local.sync import Syncer
from pyconsul.agent.local.tokens import Tokens
from pyconsul.agent.persistence import LocalFiles, Unkept
from pyconsul.structs.errors import InternalError
from pyconsul.telemetry import logger
from pyconsul.telemetry.routines import Routine

if TYPE_CHECKING:
    from pyconsul.config.runtime import RuntimeConfig

__all__ = ["LocalWork"]

_log = logger("agent")


class LocalWork:
    """``start`` registers what configuration and data directory hold; the syncer may start after it."""

    def __init__(
        self,
        config: RuntimeConfig,
        state: LocalState,
        syncer: Syncer,
        rpc: Callable[[str, Any], Awaitable[Any]],
        tokens: Tokens,
    ) -> None:
        self._config = config
        self._state = state
        self._syncer = syncer
        self.checks = CheckRunner(
            state,
            rpc,
            token=lambda: tokens.default,
            output_limit=config.check_output_max_size,
            tls=check_tls(config),
        )
        self._files = LocalFiles(config.data_dir)
        self.registrations = Registrations(config, state, syncer, self.checks, self._files)
        self.maintenance = Maintenance(state, self.registrations)
        self._loader = Loader(state, self.registrations, self._files)
        self._reaper = Routine("reap services", self.registrations.reap_forever, _log)

    def start(self) -> None:
        """Register everything and begin to run checks. Raises LoadError for a configured thing that is wrong."""
        self._loader.load(self._config.services, self._config.checks)
        self._reaper.start()

    async def stop(self) -> None:
        """Stop all checks."""
        await self._reaper.stopped()
        await self.checks.close()
        await self._tried_to_keep()

    def reload(self, config: RuntimeConfig, facts: NodeFacts) -> None:
        """Take a new configuration: what it defines is registered anew, checks keep their last results.

        Raises LoadError; what could be loaded until then stays.
        """
        self._syncer.pause()
        try:
            before = self._loader.unload()
            self.registrations.configure(config)
            self._state.discard_check_output = config.discard_check_output
            self._state.set_facts(facts)
            self._loader.load(config.services, config.checks, before)
        finally:
            self._syncer.resume()

    async def changes_kept(self) -> None:
        """Return when all changes are on disk. Raises InternalError when one of the caller's cannot be."""
        try:
            await self._files.flush()
        except Unkept as error:
            raise InternalError(str(error)) from None

    async def _tried_to_keep(self) -> None:
        try:
            await self._files.flush()
        except Unkept as error:
            _log.error("failed persisting to the data directory", error=error)

    async def sync_changes(self, *, must_keep: bool = True) -> None:
        """Return when all changes are on disk and the catalog was told of them.

        That the catalog could not be told is only logged: anti-entropy tries again. Raises InternalError when one of
        the caller's changes cannot be kept on disk and ``must_keep`` is set; it is not for maintenance, where Consul
        overlooks it.
        """
        keeping = self.changes_kept() if must_keep else self._tried_to_keep()
        errors, _ = await asyncio.gather(self._syncer.changes_sent(), keeping)
        for error in errors:
            _log.error("failed to sync changes", error=error)
