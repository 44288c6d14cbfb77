"""Transactions: all or nothing, through the FSM handler."""

from collections.abc import Callable

import pytest

from pyconsul.memdb import Store
from pyconsul.server.fsm.session import create_session
from pyconsul.server.fsm.txn import run_or_undo
from pyconsul.server.state import catalog, kv
from pyconsul.server.state.sessions import session_with_id
from pyconsul.structs.catalog import Node, NodeService, RegisterRequest
from pyconsul.structs.health import HealthCheck
from pyconsul.structs.kv import DirEntry
from pyconsul.structs.session import Session
from pyconsul.structs.txn import TxnCheckOp, TxnError, TxnKVOp, TxnNodeOp, TxnOp, TxnRequest, TxnServiceOp

STALE = 99  # the index of no row


def op(verb: str, key: str, value: bytes | None = None, index: int = 0, session: str = "") -> TxnOp:
    """One KV operation."""
    return TxnOp(KV=TxnKVOp(Verb=verb, DirEnt=DirEntry(Key=key, Value=value, ModifyIndex=index, Session=session)))


def node_op(verb: str, name: str = "n", index: int = 0) -> TxnOp:
    """One operation on a node."""
    node = Node(Node=name, Address="10.0.0.2", Datacenter="dc1", ModifyIndex=index)
    return TxnOp(Node=TxnNodeOp(Verb=verb, Node=node))


def service_op(verb: str, service_id: str = "w", index: int = 0) -> TxnOp:
    """One operation on an instance of node ``n``."""
    service = NodeService(ID=service_id, Service="web", Tags=["new"], ModifyIndex=index)
    return TxnOp(Service=TxnServiceOp(Verb=verb, Node="n", Service=service))


def check_op(verb: str, check_id: str = "c", index: int = 0) -> TxnOp:
    """One operation on a check of node ``n``."""
    check = HealthCheck(Node="n", CheckID=check_id, Name="c", Status="warning", ModifyIndex=index)
    return TxnOp(Check=TxnCheckOp(Verb=verb, Check=check))


def faults(db: Store, *ops: TxnOp) -> list[str]:
    """What a transaction says is wrong, at index 7."""
    return [error.What for error in run_or_undo(db, 7, TxnRequest(Ops=list(ops))).Errors or []]


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


@pytest.fixture
def locked(db: Store) -> Store:
    """A store where session ``mine`` holds the key ``a``, written at index 6; session ``other`` holds nothing."""
    catalog.register(db, 1, RegisterRequest(Node="n", Address="10.0.0.1"))
    for name in ("mine", "other"):
        create_session(db, 5, Session(ID=name, Node="n", NodeChecks=[]))
    kv.lock(db, 6, DirEntry(Key="a", Value=b"1", Session="mine"), lambda sid: session_with_id(db, sid) is not None)
    return db


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        (op("lock", "a", session="other"), 'failed to lock key "a", lock is already held'),
        (op("lock", "a", session="gone"), 'invalid session "gone"'),
        (op("lock", "a", session='new\nline\u2028"'), r'invalid session "new\nline\u2028\""'),
        (op("lock", "a"), "missing session"),
        (
            op("unlock", "a", session="other"),
            'failed to unlock key "a", lock isn\'t held, or is held by another session',
        ),
        (
            op("unlock", "no", session="mine"),
            'failed to unlock key "no", lock isn\'t held, or is held by another session',
        ),
        (
            op("check-session", "a", session="other"),
            'failed session check for key "a", current session "mine" != "other"',
        ),
        (op("check-session", "a"), 'failed session check for key "a", current session "mine" != ""'),
        (op("check-session", "no", session="mine"), 'failed to check session, key "no" doesn\'t exist'),
        (op("check-index", "a", index=STALE), 'failed index check for key "a", current modify index 6 != 99'),
        (op("check-index", "no", index=6), 'failed to check index, key "no" doesn\'t exist'),
        (op("delete-cas", "a", index=STALE), 'failed to delete key "a", index is stale'),
        (op("delete-cas", "a", index=0), 'failed to delete key "a", index is stale'),
    ],
)
def test_a_verb_that_fails_says_why(locked: Store, asked: TxnOp, fault: str) -> None:
    """And the key stays as it is."""
    assert faults(locked, asked) == [fault]
    entry = kv.entry_of_key(locked, "a")[1]
    assert (entry and (entry.Value, entry.Session, entry.ModifyIndex)) == (b"1", "mine", 6)


def test_a_lock_is_taken_held_and_given_back(locked: Store) -> None:
    """Who holds a lock may take it again, which writes but does not count; giving it back leaves the new value."""
    ops = [
        op("check-session", "a", session="mine"),
        op("lock", "a", b"2", session="mine"),
        op("unlock", "a", b"3", session="mine"),
        op("check-session", "a"),
        op("lock", "a", b"4", session="other"),
        op("get", "a"),
    ]
    done = run_or_undo(locked, 7, TxnRequest(Ops=ops))
    entries = [result.KV for result in done.Results or []]
    seen = [(e.Session or "", e.LockIndex, e.Value) for e in entries if e]
    assert seen == [
        ("mine", 1, None),
        ("mine", 1, None),
        ("", 1, None),
        ("", 1, None),
        ("other", 2, None),
        ("other", 2, b"4"),
    ]


def test_verbs_that_find_nothing_to_do_are_no_errors(locked: Store) -> None:
    """What is not there need not be deleted, and may be read as if it were there, empty."""
    ops = [
        op("delete-cas", "no", index=5),
        op("delete", "no"),
        op("delete-tree", "no/"),
        op("get-or-empty", "no", b"x"),
    ]
    done = run_or_undo(locked, 7, TxnRequest(Ops=ops))
    assert [result.KV for result in done.Results or []] == [DirEntry(Key="no", Session="")]


def test_deletes_of_keys_delete(db: Store) -> None:
    """One by the index that it was written at, and all below a prefix."""
    for key in ("a", "b/1", "b/2", "c"):
        kv.set_entry(db, 5, DirEntry(Key=key, Value=b"1"))
    assert faults(db, op("delete-cas", "a", index=5), op("delete-tree", "b/")) == []
    assert [entry.Key for entry in kv.entries_below(db, "")[1]] == ["c"]


@pytest.fixture
def stocked(db: Store) -> Store:
    """A store with a node, an instance and a check, all written at index 3."""
    service, check = NodeService(ID="w", Service="web"), HealthCheck(Node="n", CheckID="c", Name="c", Status="passing")
    catalog.register(db, 3, RegisterRequest(Node="n", Address="10.0.0.1", Service=service, Check=check))
    return db


@pytest.mark.parametrize(
    ("row_op", "there", "what"),
    [
        (node_op, "n", 'node "{}"'),
        (service_op, "w", 'service "{}" on node "n"'),
        (check_op, "c", 'check "{}" on node "n"'),
    ],
)
def test_rows_of_the_catalog_are_set_and_deleted_by_their_index(
    row_op: Callable[..., TxnOp], there: str, what: str, stocked: Store
) -> None:
    """An index that is not the row's refuses both, and so does a row that is not there."""
    stale = "failed to {} " + what.format(there) + ", index is stale"
    assert faults(stocked, row_op("cas", index=STALE), row_op("delete-cas", index=STALE)) == [
        stale.format("set"),
        stale.format("delete"),
    ]
    absent = what.format("no")
    assert faults(stocked, row_op("delete-cas", "no", index=3), row_op("get", "no")) == [
        f"failed to delete {absent}, index is stale",
        f"{absent} doesn't exist",
    ]
    assert faults(stocked, row_op("cas", index=3), row_op("get")) == []
    assert faults(stocked, row_op("delete-cas", index=7), row_op("get")) == [f"{what.format(there)} doesn't exist"]


@pytest.mark.parametrize("row_op", [node_op, service_op, check_op])
def test_an_operation_on_the_catalog_answers_with_the_row(row_op: Callable[..., TxnOp], stocked: Store) -> None:
    """As it is then; deletes answer nothing, also where nothing was."""
    written = run_or_undo(
        stocked, 7, TxnRequest(Ops=[row_op("set"), row_op("get"), row_op("delete"), row_op("delete")])
    )
    assert written.Results is not None
    first, second = written.Results
    assert first == second
    assert [row.ModifyIndex for row in (first.Node, first.Service, first.Check) if row] == [7]


def test_what_no_transaction_can_do_is_told(db: Store) -> None:
    """Beside the faults of the others."""
    assert faults(db, TxnOp(), service_op("set")) == ["unknown operation type", "Missing node registration"]
