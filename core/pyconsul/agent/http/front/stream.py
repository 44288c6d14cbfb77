"""One request on a connection of HTTP/2, from its headers to the end of its reply."""

from __future__ import annotations

import asyncio

from pyconsul.agent.http.front.bodies import RequestBody
from pyconsul.agent.http.front.heads import Head


class Stream:
    """``task`` answers the request once that is complete; ``room`` waits until the client takes more of the reply."""

    __slots__ = ("_room", "body", "head", "number", "path", "task")

    def __init__(self, number: int, head: Head, path: str, body: RequestBody) -> None:
        self.number = number
        self.head = head
        self.path = path
        self.body = body
        self.task: asyncio.Task[None] | None = None
        self._room: asyncio.Future[None] | None = None

    @property
    def waits_for_room(self) -> bool:
        """Whether the reply has come to the end of what the client takes."""
        return self._room is not None

    async def room(self) -> None:
        """Return when the client takes more, or nothing any more."""
        self._room = asyncio.get_running_loop().create_future()
        try:
            await self._room
        finally:
            self._room = None

    def make_room(self) -> None:
        """The client takes more, or nothing any more."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
