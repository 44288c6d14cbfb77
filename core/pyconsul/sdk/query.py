"""Prepared queries: ``/v1/query``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from msgspec import Struct

from pyconsul.sdk.decode import first_of, json_of, nothing
from pyconsul.sdk.request import Answer, QueryOptions, Request, escape_path, json_body, params_of
from pyconsul.sdk.results import (
    Json,
    QueryResult,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller

JsonList: TypeAlias = list[Json]


def create_request(definition: Mapping[str, Any] | Struct) -> Request[str]:
    """Store a query; its ID comes back."""
    return Request("POST", "/v1/query", _id_of, body=json_body(definition))


def update_request(query_id: str, definition: Mapping[str, Any] | Struct) -> Request[None]:
    """Replace a query."""
    return Request("PUT", f"/v1/query/{escape_path(query_id)}", nothing, body=json_body(definition), idempotent=True)


def delete_request(query_id: str) -> Request[None]:
    """Delete a query."""
    return Request("DELETE", f"/v1/query/{escape_path(query_id)}", nothing)


def get_request(query_id: str) -> Request[Json | None]:
    """One query, None when there is none of this ID."""
    return Request("GET", f"/v1/query/{escape_path(query_id)}", first_of(Json), accept=(200, 404))


def execute_request(name_or_id: str, *, limit: int = 0) -> Request[QueryResult]:
    """Run a query: healthy instances, from other datacenters if it says so. Raises NotFound for an unknown one."""
    return Request(
        "GET", f"/v1/query/{escape_path(name_or_id)}/execute", json_of(QueryResult), params=params_of(("limit", limit))
    )


def explain_request(name_or_id: str) -> Request[Json]:
    """A query with its template filled in for this name. Raises NotFound for an unknown one."""
    return Request("GET", f"/v1/query/{escape_path(name_or_id)}/explain", json_of(Json))


def list_request() -> Request[JsonList]:
    """All queries."""
    return Request("GET", "/v1/query", json_of(list[Json]))


def _id_of(answer: Answer) -> str:
    return str(json_of(Json)(answer).get("ID", ""))


class PreparedQueries:
    """Prepared queries."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def create(self, definition: Mapping[str, Any] | Struct, options: QueryOptions | None = None) -> str:
        """Store a query; its ID comes back."""
        return await self._client.call(create_request(definition), options)

    async def update(
        self, query_id: str, definition: Mapping[str, Any] | Struct, options: QueryOptions | None = None
    ) -> None:
        """Replace a query."""
        return await self._client.call(update_request(query_id, definition), options)

    async def delete(self, query_id: str, options: QueryOptions | None = None) -> None:
        """Delete a query."""
        return await self._client.call(delete_request(query_id), options)

    async def get(self, query_id: str, options: QueryOptions | None = None) -> Json | None:
        """One query, None when there is none of this ID."""
        return await self._client.call(get_request(query_id), options)

    async def execute(self, name_or_id: str, options: QueryOptions | None = None, *, limit: int = 0) -> QueryResult:
        """Run a query: healthy instances, from other datacenters if it says so. Raises NotFound for an unknown one."""
        return await self._client.call(execute_request(name_or_id, limit=limit), options)

    async def explain(self, name_or_id: str, options: QueryOptions | None = None) -> Json:
        """A query with its template filled in for this name. Raises NotFound for an unknown one."""
        return await self._client.call(explain_request(name_or_id), options)

    async def list(self, options: QueryOptions | None = None) -> JsonList:
        """All queries."""
        return await self._client.call(list_request(), options)
