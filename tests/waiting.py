"""Waiting for what sends no event: files, processes, other threads, the insides of a running agent."""

import asyncio
import time
from collections.abc import Callable

import pytest

LIMIT = 60.0  # seconds that anything may take
_PAUSE = 0.01


def until(claim: Callable[[], object], otherwise: Callable[[], str] = lambda: "it never came true") -> None:
    """Return when a claim is true; fail when it does not become so, saying what is there instead."""
    deadline = time.monotonic() + LIMIT
    while not claim():
        if time.monotonic() > deadline:
            pytest.fail(otherwise())
        time.sleep(_PAUSE)


async def comes_true(claim: Callable[[], object]) -> None:
    """As ``until``, looking in each turn of the test's loop: a claim may be true for some turns only.

    Raises TimeoutError.
    """
    async with asyncio.timeout(LIMIT):
        while not claim():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0)
