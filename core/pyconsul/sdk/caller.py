"""What the families and helpers need of a client; they know this protocol and no client class."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal, Protocol, TypeVar

from pyconsul.sdk.request import QueryOptions, Reply, Request
from pyconsul.sdk.streams import Stream
from pyconsul.sdk.tasks import Background, Work

T = TypeVar("T")


class Caller(Protocol):
    """Sends requests; both clients are one."""

    async def call(self, request: Request[T], options: QueryOptions | None = None) -> T:
        """The value of one round trip."""
        ...

    async def ask(self, request: Request[T], options: QueryOptions | None = None) -> Reply[T]:
        """Value and meta of one round trip."""
        ...

    async def stream(self, request: Request[Any], options: QueryOptions | None = None) -> Stream:
        """An answer whose body is read in pieces."""
        ...

    def watch(
        self,
        request: Request[T],
        options: QueryOptions | None = None,
        wait: float = 300.0,
        errors: Literal["retry", "raise"] = "retry",
    ) -> AsyncIterator[Reply[T]]:
        """The first reply and then each that has changed."""
        ...

    def background(self, work: Work) -> Background:
        """Start work beside the caller."""
        ...
