"""Transactions: all or nothing, through the FSM handler."""

from pyconsul.memdb import Store
from pyconsul.server.fsm.txn import run_or_undo
from pyconsul.server.state import kv
from pyconsul.structs.kv import DirEntry
from pyconsul.structs.txn import TxnError, TxnKVOp, TxnOp, TxnRequest


def op(verb: str, key: str, value: bytes | None = None, index: int = 0) -> TxnOp:
    """One KV operation."""
    return TxnOp(KV=TxnKVOp(Verb=verb, DirEnt=DirEntry(Key=key, Value=value, ModifyIndex=index)))


def test_results_come_in_the_order_of_the_operations(db: Store) -> None:
    """Writes answer without their value, reads with it; deletes answer nothing."""
    ops = [op("set", "a", b"1"), op("get", "a"), op("set", "b", b"2"), op("delete", "b"), op("get-tree", "")]
    done = run_or_undo(db, 7, TxnRequest(Ops=ops))
    entries = [r.KV for r in done.Results or []]
    assert [(e.Key, e.Value) for e in entries if e] == [("a", None), ("a", b"1"), ("b", None), ("a", b"1")]
    assert done.Errors is None


def test_one_refused_operation_undoes_all(db: Store) -> None:
    """The errors name the operations; nothing of the others stays."""
    done = run_or_undo(db, 7, TxnRequest(Ops=[op("set", "a", b"1"), op("cas", "b", b"2", 99), op("get", "c")]))
    assert done.Results is None
    assert done.Errors == [
        TxnError(OpIndex=1, What='failed to set key "b", index is stale'),
        TxnError(OpIndex=2, What='key "c" doesn\'t exist'),
    ]
    assert kv.kv_index(db) == 0


def test_checks_guard_the_rest(db: Store) -> None:
    """check-index and check-not-exists let the transaction pass only while they hold."""
    kv.set_entry(db, 5, DirEntry(Key="a", Value=b"1"))
    good = [op("check-index", "a", index=5), op("check-not-exists", "b"), op("set", "b", b"2")]
    assert run_or_undo(db, 6, TxnRequest(Ops=good)).Errors is None
    bad = run_or_undo(db, 7, TxnRequest(Ops=good))
    assert bad.Errors == [TxnError(OpIndex=1, What='key "b" exists')]
