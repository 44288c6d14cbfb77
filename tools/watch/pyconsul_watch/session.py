"""All watches of a configuration at work; a reload touches only those that changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from pyconsul.sdk.client import AsyncClient
from pyconsul.sdk.errors import ConsulError
from pyconsul.toolkit.errors import RunError
from pyconsul.toolkit.stanzas import SECOND
from pyconsul_watch.config import Config, Watch
from pyconsul_watch.follower import Follower, Surroundings
from pyconsul_watch.state import State

logger = logging.getLogger("pyconsul_watch.runner")


class Session:
    """The followers of one configuration after the other."""

    def __init__(self, config: Config, state: State) -> None:
        self.config = config
        self._state = state
        self._around = self._surroundings(config)
        self._tasks: dict[str, tuple[Follower, asyncio.Task[None]]] = {}

    @property
    def followers(self) -> Sequence[Follower]:
        """The followers at work."""
        return [follower for follower, _ in self._tasks.values()]

    def start(self) -> None:
        """Start a follower for each watch that has none."""
        self._state.keep_only(watch.id for watch in self.config.watches)
        for watch in self.config.watches:
            if watch.id not in self._tasks:
                logger.debug("starting %s", watch.id)
                follower = Follower(watch, self._around)
                self._tasks[watch.id] = (follower, asyncio.create_task(follower.run(), name=watch.id))

    async def once(self) -> bool:
        """Deliver what is new by now. Returns whether all went well."""
        self._state.keep_only(watch.id for watch in self.config.watches)
        followers = [Follower(watch, self._around) for watch in self.config.watches]
        went_well = await asyncio.gather(*(follower.once() for follower in followers))
        for follower in followers:
            if follower.progress.last_error:
                logger.error("%s: %s", follower.watch.id, follower.progress.last_error)
        return all(went_well)

    async def answered(self) -> None:
        """Return once every watch has its first answer, or an error in its place."""
        await asyncio.gather(*(follower.answered.wait() for follower in self.followers))

    async def failed(self) -> None:
        """Raises RunError when a follower ends although nobody asked it to; else waits for ever."""
        while True:
            tasks = [task for _, task in self._tasks.values()]
            if tasks:
                # Not for ever: after a reload there are other tasks to look at.
                await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION, timeout=1.0)
            else:
                await asyncio.sleep(1.0)
            for task in tasks:
                if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                    raise RunError(f"{task.get_name()}: {error!r}") from error

    async def reload(self, config: Config) -> None:
        """Go on with another configuration; watches that stayed the same are not disturbed.

        Raises the SDK's ConfigError for settings that no client can be made of; then nothing has changed.
        """
        everything = config.consul != self.config.consul or config.retry != self.config.retry
        everything = everything or config.concurrency != self.config.concurrency
        around = self._surroundings(config) if everything else self._around
        wanted = {watch.id: watch for watch in config.watches}
        gone = [name for name, (follower, _) in self._tasks.items() if everything or _differs(follower, wanted)]
        await self._end(gone)
        if everything:
            await self._around.client.aclose()
        self.config, self._around = config, around
        self.start()

    async def stop(self) -> None:
        """End all: running handlers get the grace period."""
        await self._end(list(self._tasks))
        try:
            await self._around.client.aclose()
        except ConsulError as error:
            logger.debug("closing: %s", error)

    async def _end(self, names: Sequence[str]) -> None:
        ending = [self._tasks.pop(name) for name in names]
        for follower, _ in ending:
            follower.stop()
        tasks = [task for _, task in ending]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self.config.grace / SECOND)
        for task in late:
            logger.warning("%s: the handler did not end in time and is killed", task.get_name())
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _surroundings(self, config: Config) -> Surroundings:
        """What followers of this configuration share. Raises the SDK's ConfigError."""
        return Surroundings(
            AsyncClient(config.consul.client_settings()),
            self._state,
            config.retry,
            asyncio.Semaphore(config.concurrency),
        )


def _differs(follower: Follower, wanted: dict[str, Watch]) -> bool:
    watch = wanted.get(follower.watch.id)
    return watch is None or watch.definition != follower.watch.definition
