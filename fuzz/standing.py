"""One agent for all targets that need a whole one: in memory, leading, without sockets, in a loop of its own."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

from pyconsul.agent.agent import Agent
from pyconsul.config import load

T = TypeVar("T")


@cache
def loop() -> asyncio.AbstractEventLoop:
    """The loop that the agent lives in; nothing runs in it between two inputs."""
    return asyncio.new_event_loop()


def do(work: Coroutine[Any, Any, T]) -> T:
    """Run something in the agent's loop."""
    return loop().run_until_complete(work)


@cache
def agent() -> Agent:
    """The agent, started at the first call."""
    found = do(_started())
    atexit.register(lambda: do(_stopped(found)))
    return found


async def _stopped(found: Agent) -> None:
    await found.local_work.stop()
    await found.syncer.stop()
    found.cache.stop()
    await found.server.stop()
    await asyncio.sleep(0)


async def _started() -> Agent:
    found = Agent(load({"dev": True, "node": "here", "bind": "127.0.0.1"}, {}).runtime)
    await found.server.start()
    found.local_work.start()
    return found
