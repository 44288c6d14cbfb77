"""Views: the newest reply to a request, kept fresh in the background by a blocking query."""

from __future__ import annotations

from types import TracebackType
from typing import Generic, TypeVar

import msgspec

from pyconsul.sdk.caller import Caller
from pyconsul.sdk.errors import ConsulError
from pyconsul.sdk.request import NO_OPTIONS, QueryMeta, QueryOptions, Request
from pyconsul.sdk.tasks import Background, Signal

T = TypeVar("T")


class View(Generic[T]):
    """What the agent last said. After ``start`` there is always a value; ``changed`` is set by each new one."""

    def __init__(
        self,
        client: Caller,
        request: Request[T],
        options: QueryOptions | None = None,
        *,
        wait: float = 300.0,
    ) -> None:
        self.meta = QueryMeta()
        self.changed = Signal()
        self.error: ConsulError | None = None
        self._client = client
        self._request = request
        self._options = options or NO_OPTIONS
        self._wait = wait
        self._values: list[T] = []
        self._follower: Background | None = None

    @property
    def value(self) -> T:
        """The newest value. Raises RuntimeError before ``start``."""
        if not self._values:
            raise RuntimeError("the view has not been started")
        return self._values[0]

    async def start(self) -> None:
        """Read once and begin to follow. Raises ConsulError."""
        reply = await self._client.ask(self._request, self._options)
        self._values, self.meta = [reply.value], reply.meta
        self._follower = self._client.background(self._follow)

    async def stop(self) -> None:
        """Stop following; the last value stays."""
        follower, self._follower = self._follower, None
        if follower is not None:
            await follower.stop()

    async def next(self, timeout: float | None = None) -> bool:
        """Wait for a value that has not been waited for yet; False when ``timeout`` seconds went by.

        Raises the ConsulError that ended the following.
        """
        if not await self.changed.wait(timeout):
            return False
        if self.error is not None:
            raise self.error
        self.changed.clear()
        return True

    async def __aenter__(self) -> View[T]:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _follow(self) -> None:
        options = msgspec.structs.replace(self._options, index=self.meta.index, hash=self.meta.content_hash)
        try:
            async for reply in self._client.watch(self._request, options, self._wait):
                self._values, self.meta = [reply.value], reply.meta
                self.changed.set()
        except ConsulError as error:  # one that retrying does not mend
            self.error = error
            self.changed.set()
