"""Following watch plans with the rules of Consul's ``watch`` package: what counts as a change, and how to retry.

``parse`` and ``Plan`` come from ``watch_plan.py``; take them from here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec

from pyconsul.sdk.caller import Caller
from pyconsul.sdk.errors import ConsulError, NotBlocking
from pyconsul.sdk.request import QueryMeta
from pyconsul.sdk.tasks import sleep
from pyconsul.sdk.watch_plan import HTTPHandler, Plan, Update, WrongParameters, newest_events, parse

__all__ = ["HTTPHandler", "Plan", "Update", "WrongParameters", "fetch", "parse", "updates"]

_RETRY = 5.0  # seconds, times the square of the number of failures …
_RETRY_LIMIT = 180.0  # … and at most this


async def fetch(client: Caller, plan: Plan, mark: int | str | None = None) -> Update:
    """The plan's value now, or once it differs from ``mark``. Raises ConsulError."""
    options = msgspec.structs.replace(
        plan.options,
        index=mark if isinstance(mark, int) else 0,
        hash=mark if isinstance(mark, str) else "",
    )
    reply = await client.ask(plan.request, options)
    value: Any = newest_events(reply.value, mark) if plan.type == "event" else reply.value
    return Update(_mark_of(reply.meta, plan), value)


async def updates(
    client: Caller, plan: Plan, on_error: Callable[[ConsulError, float], None] | None = None
) -> AsyncIterator[Update]:
    """The plan's present value, then each one that differs from the one before.

    Errors never end it: ``on_error`` is told the error and the seconds until the next try, which grow with the
    square of the failures.
    """
    mark: int | str | None = None
    last: Update | None = None
    failures = 0
    while True:
        try:
            update = await fetch(client, plan, mark)
        except ConsulError as error:
            failures += 1
            mark = None  # the agent may have forgotten it; the value is told again, then, even if it is the same
            pause = min(_RETRY * failures**2, _RETRY_LIMIT)
            if on_error is not None:
                on_error(error, pause)
            await sleep(pause)
            continue
        failures = 0
        # An index counts for a whole table or more: it moves on with writes that have nothing to do with this watch.
        is_same = mark is not None and (update.mark == mark or (last is not None and update.value == last.value))
        mark = update.mark
        if not is_same:
            last = update
            yield update


def _mark_of(meta: QueryMeta, plan: Plan) -> int | str:
    mark = meta.content_hash if plan.type == "agent_service" else meta.index
    if not mark:  # it would be asked again at once, for ever
        raise NotBlocking(f"the answer for a {plan.type} watch has nothing to wait on")
    return mark
