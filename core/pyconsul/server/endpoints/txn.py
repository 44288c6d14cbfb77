"""RPC methods of transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.lang.strconv import quote
from pyconsul.server.endpoints.catalog import refuse_node, settle_service
from pyconsul.server.endpoints.kv import may_apply
from pyconsul.server.registry import rpc
from pyconsul.server.state.txn import KV_VERBS, run
from pyconsul.structs.errors import ConsulError, InternalError, RaftFailure
from pyconsul.structs.messages import MessageType
from pyconsul.structs.txn import (
    TxnCheckOp,
    TxnError,
    TxnOp,
    TxnReadRequest,
    TxnReadResponse,
    TxnRequest,
    TxnResponse,
)
from pyconsul.structs.wire import changed

if TYPE_CHECKING:
    from pyconsul.server.server import Server

CATALOG_VERBS = frozenset(("get", "set", "cas", "delete", "delete-cas"))


@rpc("Txn.Apply")
async def apply(srv: Server, req: TxnRequest) -> TxnResponse:
    """All operations through the log, or the errors of those that may not be tried."""
    ops, errors = settle(srv, req.Ops or [])
    if errors:
        return TxnResponse(Errors=errors)
    try:
        answer: TxnResponse = await srv.propose(MessageType.TXN, changed(req, Ops=ops))
    except InternalError as error:
        raise RaftFailure(f"raft apply failed: {error.text}") from error
    return answer


@rpc("Txn.Read")
async def read(srv: Server, ask: TxnReadRequest) -> TxnReadResponse:
    """Operations that only read, beside the log; never blocking."""
    if ask.RequireConsistent:
        await srv.verify()
    ops, errors = settle(srv, ask.Ops or [])
    if not errors:
        results, errors = run(srv.db, 0, ops)
        return TxnReadResponse(Index=1, Results=results if not errors else None, Errors=errors or None)
    return TxnReadResponse(KnownLeader=False, Errors=errors)


def settle(srv: Server, ops: list[TxnOp]) -> tuple[list[TxnOp], list[TxnError]]:
    """The operations with defaults filled in, and what the log need not see."""
    settled: list[TxnOp] = []
    errors: list[TxnError] = []
    for at, op in enumerate(ops):
        try:
            settled.append(_settle(srv, op))
        except ConsulError as error:
            errors.append(TxnError(OpIndex=at, What=error.text))
    return settled, errors


def _settle(srv: Server, op: TxnOp) -> TxnOp:
    if op.KV is not None:
        if not op.KV.DirEnt.Key and op.KV.Verb != "delete-tree":
            raise InternalError("Must provide key")
        if op.KV.Verb not in KV_VERBS:
            raise InternalError(f"unknown KV operation: {op.KV.Verb}")
        if not may_apply(srv, op.KV.Verb, op.KV.DirEnt):
            raise InternalError(f"failed to lock key {quote(op.KV.DirEnt.Key)} due to lock delay")
        return op
    if op.Node is not None:
        if _writes(op.Node.Verb, "node"):
            refuse_node(op.Node.Node.Node, op.Node.Node.ID)
        return op
    if op.Service is not None:
        if not _writes(op.Service.Verb, "service"):
            return op
        return changed(op, Service=changed(op.Service, Service=settle_service(op.Service.Service)))
    if op.Check is not None:
        return changed(op, Check=_settle_check(op.Check))
    if op.Session is not None:
        if op.Session.Verb != "delete":
            raise InternalError(f"unknown session operation: {op.Session.Verb}")
        return op
    raise InternalError("unknown operation type")


def _settle_check(op: TxnCheckOp) -> TxnCheckOp:
    if _writes(op.Verb, "check") and not op.Check.CheckID and op.Check.Name:
        return changed(op, Check=changed(op.Check, CheckID=op.Check.Name))
    return op


def _writes(verb: str, what: str) -> bool:
    if verb not in CATALOG_VERBS:
        raise InternalError(f"unknown {what} operation: {verb}")
    return verb != "get"
