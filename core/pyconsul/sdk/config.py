"""Config entries: ``/v1/config``; entries are plain dicts as in the HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from pyconsul.sdk.decode import json_of, one_or_none, truth
from pyconsul.sdk.request import Answer, QueryOptions, Request, escape_path, json_body, params_of
from pyconsul.sdk.results import (
    Json,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

JsonList: TypeAlias = list[Json]


def get_request(kind: str, name: str) -> Request[Json | None]:
    """One entry, None when there is none."""
    return Request("GET", f"/v1/config/{escape_path(kind)}/{escape_path(name)}", one_or_none(Json), accept=(200, 404))


def set_request(entry: Mapping[str, Any], *, cas: int | None = None) -> Request[bool]:
    """Write an entry; False when ``cas`` did not fit."""
    return Request(
        "PUT", "/v1/config", truth, params=params_of(("cas", None if cas is None else str(cas))), body=json_body(entry)
    )


def delete_request(kind: str, name: str, *, cas: int | None = None) -> Request[bool]:
    """Delete an entry; False when ``cas`` did not fit."""
    return Request(
        "DELETE",
        f"/v1/config/{escape_path(kind)}/{escape_path(name)}",
        _deleted,
        params=params_of(("cas", None if cas is None else str(cas))),
    )


def list_request(kind: str) -> Request[JsonList]:
    """All entries of a kind."""
    return Request("GET", f"/v1/config/{escape_path(kind)}", json_of(list[Json]))


def _deleted(answer: Answer) -> bool:
    """Without ``cas`` the body is an empty object."""
    return b"false" not in answer.body


class ConfigEntries:
    """Config entries."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def get(self, kind: str, name: str, options: QueryOptions | None = None) -> Json | None:
        """One entry, None when there is none."""
        return await self._client.call(get_request(kind, name), options)

    async def set(
        self, entry: Mapping[str, Any], options: QueryOptions | None = None, *, cas: int | None = None
    ) -> bool:
        """Write an entry; False when ``cas`` did not fit."""
        return await self._client.call(set_request(entry, cas=cas), options)

    async def delete(
        self, kind: str, name: str, options: QueryOptions | None = None, *, cas: int | None = None
    ) -> bool:
        """Delete an entry; False when ``cas`` did not fit."""
        return await self._client.call(delete_request(kind, name, cas=cas), options)

    async def list(self, kind: str, options: QueryOptions | None = None) -> JsonList:
        """All entries of a kind."""
        return await self._client.call(list_request(kind), options)
