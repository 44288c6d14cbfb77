"""How a view asks Consul: blocking questions, not too often, to any server while its answers are not too old."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from pyconsul.lang.gojson_syntax import first_value
from pyconsul.primitives.dice import DICE
from pyconsul.sdk.client import AsyncClient
from pyconsul.sdk.errors import ConsulError, status_error
from pyconsul.sdk.request import QueryMeta, QueryOptions
from pyconsul.toolkit.vault_exchange import VaultError

MIN_INTERVAL: Final = 0.1
"""Seconds between an answer and the question before it, after the first answer; up to 20 ms more by chance."""

FETCH_ERRORS: Final = (
    ConsulError,
    VaultError,
    OSError,
    msgspec.MsgspecError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
)
"""What a server may do wrong, down to answers of another shape than its API promises."""


def decoded(body: bytes) -> Any:
    """The JSON value that an answer begins with. Raises ValueError in the words of Go's decoder."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        return first_value(body)


class Asked(msgspec.Struct, frozen=True):
    """An answer of the API: JSON value (None for 404), index, age of the data in milliseconds."""

    value: Any
    index: int
    last_contact_ms: int

    def listed(self, go_type: str) -> list[Any]:
        """The list that the value is, null an empty one. Raises ValueError for anything else.

        Its items are objects, or texts in a ``[]string``: what a proxy on the way answers in Consul's place is no data.
        """
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            raise _misfit(self.value, go_type)
        items = cast("list[Any]", self.value)
        kind = str if go_type == "[]string" else dict
        for item in items:
            if not isinstance(item, kind):
                raise _misfit(item, go_type.lstrip("[]*"))
        return items

    def mapped(self, go_type: str) -> dict[str, Any]:
        """The object that the value is, null an empty one. Raises ValueError for anything else."""
        if self.value is None:
            return {}
        if not isinstance(self.value, dict):
            raise _misfit(self.value, go_type)
        return cast("dict[str, Any]", self.value)


def _misfit(value: Any, go_type: str) -> ValueError:
    from pyconsul.structs.godecode import wrong_value  # costs much, and is needed seldom

    return ValueError(wrong_value(value, go_type))


class Asking:
    """What a view keeps between two questions. ``index`` is what the next one waits on, 0 for nothing.

    Times are in seconds; a ``max_stale`` of 0 asks the leader alone.
    """

    def __init__(self, block_wait: float, max_stale: float) -> None:
        self.index = 0
        self.stale_allowed = max_stale > 0
        self._block_wait = block_wait
        self._max_stale_ms = max_stale * 1000

    async def get(self, client: AsyncClient, path: str, params: Mapping[str, str], *, blocking: bool = True) -> Asked:
        """One GET; a key that does not exist is no error. Raises the SDK's errors."""
        options = QueryOptions(
            consistency="stale" if blocking and self.stale_allowed else "default",
            wait=self._block_wait if blocking else 0,
            index=self.index if blocking else 0,
        )
        answer = await client.raw("GET", path, params, options=options)
        meta = QueryMeta.of(answer)
        value = None
        if not (answer.status == 404 and path.startswith("/v1/kv/")):
            if answer.status != 200:
                raise status_error(answer.status, answer.body)
            value = decoded(answer.body)
        return Asked(value, meta.index, meta.last_contact_ms)

    def is_too_old(self, last_contact_ms: int) -> bool:
        """Whether an answer cannot be taken for its age; the next question then goes to the leader."""
        too_old = self.stale_allowed and last_contact_ms > self._max_stale_ms
        self.stale_allowed = self._max_stale_ms > 0 and not too_old
        return too_old


async def pace(asked_at: float) -> None:
    """Wait until a question of that time (on the monotonic clock) may be followed by another one."""
    early = MIN_INTERVAL - (time.monotonic() - asked_at)
    if early > 0:
        await asyncio.sleep(early + DICE.random() * 0.02)
