"""RPC methods of transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.acl import Access, Authorizer
from pyconsul.lang.strconv import quote
from pyconsul.server.acl import told_nobody
from pyconsul.server.endpoints import acl_filter
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
    rights = srv.acl.authorizer(req.Token)
    ops, errors = settle(srv, rights, req.Ops or [])
    if errors:
        return TxnResponse(Errors=errors)
    try:
        answer: TxnResponse = await srv.propose(MessageType.TXN, changed(req, Ops=ops))
    except InternalError as error:
        raise RaftFailure(f"raft apply failed: {error.text}") from error
    return changed(answer, Results=acl_filter.txn_results(rights, answer.Results)[0]) if answer.Results else answer


@rpc("Txn.Read")
async def read(srv: Server, ask: TxnReadRequest) -> TxnReadResponse:
    """Operations that only read, beside the log; never blocking."""
    if ask.RequireConsistent:
        await srv.verify()
    rights = srv.acl.authorizer(ask.Token)
    ops, errors = settle(srv, rights, ask.Ops or [])
    if errors:
        return TxnReadResponse(KnownLeader=False, Errors=errors)
    # Outside of the log and of any transaction: whoever calls this has seen that no operation writes.
    results, errors = run(srv.db, 0, ops)
    if errors:
        return TxnReadResponse(Index=1, Errors=errors)
    results, filtered = acl_filter.txn_results(rights, results)
    reply = TxnReadResponse(Index=1, Results=results, ResultsFilteredByACLs=filtered)
    return reply if ask.Token else told_nobody(reply)


def settle(srv: Server, rights: Authorizer, ops: list[TxnOp]) -> tuple[list[TxnOp], list[TxnError]]:
    """The operations with defaults filled in, and what the log need not see, such as what the token may not do."""
    settled: list[TxnOp] = []
    errors: list[TxnError] = []
    for at, op in enumerate(ops):
        try:
            settled.append(_settle(srv, rights, op))
        except ConsulError as error:
            errors.append(TxnError(OpIndex=at, What=error.text))
    return settled, errors


def _settle(srv: Server, rights: Authorizer, op: TxnOp) -> TxnOp:
    if op.KV is not None:
        if not op.KV.DirEnt.Key and op.KV.Verb != "delete-tree":
            raise InternalError("Must provide key")
        if op.KV.Verb not in KV_VERBS:
            raise InternalError(f"unknown KV operation: {op.KV.Verb}")
        if not may_apply(srv, rights, op.KV.Verb, op.KV.DirEnt):
            raise InternalError(f"failed to lock key {quote(op.KV.DirEnt.Key)} due to lock delay")
        return op
    if op.Node is not None:
        if _writes(op.Node.Verb, "node"):
            refuse_node(op.Node.Node.Node, op.Node.Node.ID)
            rights.require("node", Access.WRITE, op.Node.Node.Node)
        return op
    if op.Service is not None:
        if not _writes(op.Service.Verb, "service"):
            return op
        return changed(op, Service=changed(op.Service, Service=settle_service(rights, op.Service.Service)))
    if op.Check is not None:
        return changed(op, Check=_settle_check(rights, op.Check))
    if op.Session is not None:
        if op.Session.Verb != "delete":
            raise InternalError(f"unknown session operation: {op.Session.Verb}")
        return op
    raise InternalError("unknown operation type")


def _settle_check(rights: Authorizer, op: TxnCheckOp) -> TxnCheckOp:
    if not _writes(op.Verb, "check"):
        return op
    check = op.Check
    if check.ServiceID:
        rights.require("service", Access.WRITE, check.ServiceName)
    else:
        rights.require("node", Access.WRITE, check.Node)
    return op if check.CheckID or not check.Name else changed(op, Check=changed(check, CheckID=check.Name))


def _writes(verb: str, what: str) -> bool:
    if verb not in CATALOG_VERBS:
        raise InternalError(f"unknown {what} operation: {verb}")
    return verb != "get"
