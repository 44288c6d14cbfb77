"""Transactions over KV, nodes, services and checks: ``/v1/txn``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pyconsul.sdk.decode import json_of
from pyconsul.sdk.request import QueryOptions, Request, json_body, value_bytes
from pyconsul.sdk.results import (
    Json,
    TxnResult,
)

if TYPE_CHECKING:
    from pyconsul.sdk.caller import Caller


def apply_request(operations: Sequence[Mapping[str, Any]]) -> Request[TxnResult]:
    """Do all operations or none; see ``is_applied`` of the result, and ``kv_op`` for KV operations."""
    return Request(
        "PUT",
        "/v1/txn",
        json_of(TxnResult),
        body=json_body(operations),
        accept=(200, 409),
        idempotent=_only_reads(operations),
    )


def kv_op(
    verb: str, key: str, value: bytes | str | None = None, *, flags: int = 0, index: int = 0, session: str = ""
) -> Json:
    """One KV operation; ``verb`` is set, cas, lock, unlock, get, get-tree, check-index, delete …"""
    fields = {"Verb": verb, "Key": key, "Flags": flags, "Index": index, "Session": session}
    operation: Json = {name: field for name, field in fields.items() if field}
    if value is not None:
        operation["Value"] = value_bytes(value)
    return {"KV": operation}


def _only_reads(operations: Sequence[Mapping[str, Any]]) -> bool:
    verbs = (str(part.get("Verb", "")) for operation in operations for part in operation.values())
    return all(verb.startswith(("get", "check-")) for verb in verbs)


class Transactions:
    """Transactions: up to 128 operations, all or none."""

    def __init__(self, client: Caller) -> None:
        self._client = client

    async def apply(self, operations: Sequence[Mapping[str, Any]], options: QueryOptions | None = None) -> TxnResult:
        """Do all operations or none; see ``is_applied`` of the result, and ``kv_op`` for KV operations."""
        return await self._client.call(apply_request(operations), options)
