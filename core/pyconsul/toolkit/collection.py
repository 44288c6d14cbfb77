"""When the tools' garbage is looked for: not while a tool starts, and never among what the start has made.

Nearly all that a start makes stays: looking through it again and again takes a seventh of the time of a short run, and
once more at its end, where the interpreter collects for the last time.
"""

from __future__ import annotations

import asyncio
import gc

START_SECONDS = 1.0


def hold() -> None:
    """Collect nothing from now on."""
    gc.disable()


def settle() -> None:
    """Leave alone what there is for good, and collect from now on."""
    gc.freeze()
    gc.enable()


def settle_soon() -> None:
    """Settle once the start is over. To be called in a running event loop."""
    asyncio.get_running_loop().call_later(START_SECONDS, settle)
