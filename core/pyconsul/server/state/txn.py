"""Transactions over the state: each operation in turn, results in order, any error undoes all.

The caller holds the store's transaction; ``run`` itself undoes nothing, it only reports.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store
from pyconsul.server.state import catalog, kv
from pyconsul.server.state.sessions import destroy_session, session_with_id
from pyconsul.server.state.uuid_keys import node_id_key
from pyconsul.structs.errors import ConsulError, InternalError
from pyconsul.structs.kv import DirEntry
from pyconsul.structs.txn import (
    TxnCheckOp,
    TxnError,
    TxnKVOp,
    TxnNodeOp,
    TxnOp,
    TxnResult,
    TxnServiceOp,
    TxnSessionOp,
)
from pyconsul.structs.wire import changed


def run(db: Store, index: int, ops: list[TxnOp]) -> tuple[list[TxnResult], list[TxnError]]:
    """Apply every operation, also behind one that failed, as Consul does. Either list may be empty."""
    results: list[TxnResult] = []
    errors: list[TxnError] = []
    for at, op in enumerate(ops):
        try:
            results.extend(_dispatch(db, index, op))
        except ConsulError as error:
            errors.append(TxnError(OpIndex=at, What=error.text))
    return ([], errors) if errors else (results, [])


def _dispatch(db: Store, index: int, op: TxnOp) -> list[TxnResult]:
    if op.KV is not None:
        return _KV_VERBS[op.KV.Verb](db, index, op.KV)
    if op.Node is not None:
        return _node(db, index, op.Node)
    if op.Service is not None:
        return _service(db, index, op.Service)
    if op.Check is not None:
        return _check(db, index, op.Check)
    if op.Session is not None:
        return _session(db, index, op.Session)
    raise InternalError("unknown operation type")


# KV


def _shown(entry: DirEntry | None) -> list[TxnResult]:
    """A written or checked entry is shown without its value."""
    return [] if entry is None else [TxnResult(KV=changed(entry, Value=None))]


def _kv_set(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    return _shown(kv.set_entry(db, index, op.DirEnt))


def _kv_delete(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    kv.delete(db, index, op.DirEnt.Key)
    return []


def _kv_delete_cas(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    if not kv.delete_cas(db, index, op.DirEnt.Key, op.DirEnt.ModifyIndex):
        raise InternalError(f"failed to delete key {quote(op.DirEnt.Key)}, index is stale")
    return []


def _kv_delete_tree(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    kv.delete_tree(db, index, op.DirEnt.Key)
    return []


def _kv_cas(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    stored = kv.cas(db, index, op.DirEnt)
    if stored is None:
        raise InternalError(f"failed to set key {quote(op.DirEnt.Key)}, index is stale")
    return _shown(stored)


def _kv_lock(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    stored = kv.lock(db, index, op.DirEnt, lambda sid: session_with_id(db, sid) is not None)
    if stored is None:
        raise InternalError(f"failed to lock key {quote(op.DirEnt.Key)}, lock is already held")
    return _shown(stored)


def _kv_unlock(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    stored = kv.unlock(db, index, op.DirEnt)
    if stored is None:
        what = "lock isn't held, or is held by another session"
        raise InternalError(f"failed to unlock key {quote(op.DirEnt.Key)}, {what}")
    return _shown(stored)


def _existing(db: Store, key: str) -> DirEntry | None:
    return kv.entry_of_key(db, key)[1]


def _kv_get(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    del index
    entry = _existing(db, op.DirEnt.Key)
    if entry is None:
        raise InternalError(f"key {quote(op.DirEnt.Key)} doesn't exist")
    return [TxnResult(KV=entry)]


def _kv_get_or_empty(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    del index
    return [TxnResult(KV=_existing(db, op.DirEnt.Key) or changed(op.DirEnt, Value=None))]


def _kv_get_tree(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    del index
    return [TxnResult(KV=entry) for entry in kv.entries_below(db, op.DirEnt.Key)[1]]


def _kv_check_session(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    del index
    key = op.DirEnt.Key
    entry = _existing(db, key)
    if entry is None:
        raise InternalError(f"failed to check session, key {quote(key)} doesn't exist")
    if (entry.Session or "") != (op.DirEnt.Session or ""):
        wanted, held = quote(op.DirEnt.Session or ""), quote(entry.Session or "")
        raise InternalError(f"failed session check for key {quote(key)}, current session {held} != {wanted}")
    return _shown(entry)


def _kv_check_index(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    del index
    key = op.DirEnt.Key
    entry = _existing(db, key)
    if entry is None:
        raise InternalError(f"failed to check index, key {quote(key)} doesn't exist")
    if entry.ModifyIndex != op.DirEnt.ModifyIndex:
        found, wanted = entry.ModifyIndex, op.DirEnt.ModifyIndex
        raise InternalError(f"failed index check for key {quote(key)}, current modify index {found} != {wanted}")
    return _shown(entry)


def _kv_check_not_exists(db: Store, index: int, op: TxnKVOp) -> list[TxnResult]:
    del index
    if _existing(db, op.DirEnt.Key) is not None:
        raise InternalError(f"key {quote(op.DirEnt.Key)} exists")
    return []


_KV_VERBS: dict[str, Callable[[Store, int, TxnKVOp], list[TxnResult]]] = {
    "set": _kv_set,
    "delete": _kv_delete,
    "delete-cas": _kv_delete_cas,
    "delete-tree": _kv_delete_tree,
    "cas": _kv_cas,
    "lock": _kv_lock,
    "unlock": _kv_unlock,
    "get": _kv_get,
    "get-or-empty": _kv_get_or_empty,
    "get-tree": _kv_get_tree,
    "check-session": _kv_check_session,
    "check-index": _kv_check_index,
    "check-not-exists": _kv_check_not_exists,
}
KV_VERBS = frozenset(_KV_VERBS)


# Catalog


def _stale(present: Any, expected: int) -> bool:
    """Whether a compare-and-set on a row must fail: index 0 wants none, any other wants that very row."""
    return (present.ModifyIndex if present is not None else 0) != expected


def _node(db: Store, index: int, op: TxnNodeOp) -> list[TxnResult]:
    node, verb = op.Node, op.Verb

    def present() -> Any:
        if node.ID:
            return catalog.node_with_id(db, node_id_key(node.ID), node.PeerName or "")
        return catalog.node_named(db, node.Node, node.PeerName or "")

    if verb == "get":
        found = present()
        if found is None:
            raise InternalError(f"node {quote(node.Node)} doesn't exist")
        return [TxnResult(Node=found)]
    if verb in ("set", "cas"):
        if verb == "cas" and _stale(catalog.node_named(db, node.Node, node.PeerName or ""), node.ModifyIndex):
            raise InternalError(f"failed to set node {quote(node.Node)}, index is stale")
        with _forgiving(verb):
            catalog.put_node(db, index, node)
        found = present()
        return [] if found is None else [TxnResult(Node=found)]
    if verb == "delete-cas":
        existing = catalog.node_named(db, node.Node, node.PeerName or "")
        if existing is None or existing.ModifyIndex != node.ModifyIndex:
            raise InternalError(f"failed to delete node {quote(node.Node)}, index is stale")
    catalog.delete_node(db, index, node.Node, node.PeerName or "")
    return []


def _service(db: Store, index: int, op: TxnServiceOp) -> list[TxnResult]:
    service, verb = op.Service, op.Verb
    where = f"service {quote(service.ID)} on node {quote(op.Node)}"
    existing = catalog.service_of_node(db, op.Node, service.ID, service.PeerName)
    if verb == "get":
        if existing is None:
            raise InternalError(f"{where} doesn't exist")
        return [TxnResult(Service=existing)]
    if verb in ("set", "cas"):
        if verb == "cas" and _stale(existing, service.ModifyIndex):
            raise InternalError(f"failed to set {where}, index is stale")
        catalog.put_service(db, index, op.Node, service)
        stored = catalog.service_of_node(db, op.Node, service.ID, service.PeerName)
        return [] if stored is None else [TxnResult(Service=stored)]
    if verb == "delete-cas" and (existing is None or existing.ModifyIndex != service.ModifyIndex):
        raise InternalError(f"failed to delete {where}, index is stale")
    catalog.delete_service(db, index, op.Node, service.ID, service.PeerName)
    return []


@contextmanager
def _forgiving(verb: str) -> Generator[None]:
    """Consul's check-and-set of a node or check goes on when the row was refused: what is there then is the answer."""
    try:
        yield
    except InternalError:
        if verb != "cas":
            raise


# What Consul says when the node or the ID of a check is missing, by verb; "set" has it from the catalog.
_CHECK_LOOKUPS = {
    "get": "failed check lookup",
    "cas": "failed check lookup",
    "delete": "check lookup failed",
    "delete-cas": "check lookup failed: failed check lookup",
}


def _check(db: Store, index: int, op: TxnCheckOp) -> list[TxnResult]:
    check, verb = op.Check, op.Verb
    peer = check.PeerName or ""
    where = f"check {quote(check.CheckID)} on node {quote(check.Node)}"
    if verb in _CHECK_LOOKUPS and not (check.Node and check.CheckID):
        raise InternalError(f"{_CHECK_LOOKUPS[verb]}: {catalog.MISSING_KEY}")
    existing = catalog.check_of_node(db, check.Node, check.CheckID, peer)
    if verb == "get":
        if existing is None:
            raise InternalError(f"{where} doesn't exist")
        return [TxnResult(Check=existing)]
    if verb in ("set", "cas"):
        if verb == "cas" and _stale(existing, check.ModifyIndex):
            raise InternalError(f"failed to set {where}, index is stale")
        with _forgiving(verb):
            catalog.put_check(db, index, check)
        stored = catalog.check_of_node(db, check.Node, check.CheckID, peer)
        return [] if stored is None else [TxnResult(Check=stored)]
    if verb == "delete-cas" and (existing is None or existing.ModifyIndex != check.ModifyIndex):
        raise InternalError(f"failed to delete {where}, index is stale")
    catalog.delete_check(db, index, check.Node, check.CheckID, peer)
    return []


def _session(db: Store, index: int, op: TxnSessionOp) -> list[TxnResult]:
    if op.Verb != "delete":
        raise InternalError(f"unknown session verb {quote(op.Verb)}")
    destroy_session(db, index, op.Session.ID)
    return []
