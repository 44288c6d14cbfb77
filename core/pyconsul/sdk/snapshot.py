"""Snapshots of the servers' whole state: ``/v1/snapshot``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.sdk.decode import nothing, whole
from pyconsul.sdk.request import Answer, Body, QueryOptions, Request

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller
    from pyconsul.sdk.streams import Stream


def save_request() -> Request[Answer]:
    """A snapshot archive, read in pieces; ``headers`` has its index."""
    return Request("GET", "/v1/snapshot", whole)


def restore_request(archive: Body) -> Request[None]:
    """Replace the servers' state by an archive: bytes, or an open file that is sent in pieces."""
    return Request(
        "PUT", "/v1/snapshot", nothing, headers=(("Content-Type", "application/octet-stream"),), body=archive
    )


class Snapshots:
    """Snapshots of the servers' whole state."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def save(self, options: QueryOptions | None = None) -> Stream:
        """A snapshot archive, read in pieces; ``headers`` has its index."""
        return await self._client.stream(save_request(), options)

    async def restore(self, archive: Body, options: QueryOptions | None = None) -> None:
        """Replace the servers' state by an archive: bytes, or an open file that is sent in pieces."""
        return await self._client.call(restore_request(archive), options)
