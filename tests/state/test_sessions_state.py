"""Sessions: creation through the FSM, and what happens to keys when they end."""

from typing import Any

import pytest

from pyconsul.memdb import Store
from pyconsul.server import families
from pyconsul.server.fsm.session import create_session
from pyconsul.server.state import catalog, kv
from pyconsul.server.state.sessions import KeysDelayed, destroy_session, drop_sessions_of_node, session_with_id
from pyconsul.structs.catalog import RegisterRequest
from pyconsul.structs.errors import InternalError
from pyconsul.structs.health import HealthCheck
from pyconsul.structs.kv import DirEntry
from pyconsul.structs.session import Session


@pytest.fixture
def notes() -> list[object]:
    """What the state told the leader."""
    return []


@pytest.fixture
def db(notes: list[object]) -> Store:
    """A store with a node and a passing check."""
    store = Store(families.TABLES, notes.append)
    check = HealthCheck(Node="n1", CheckID="serfHealth", Name="serf", Status="passing")
    catalog.register(store, 1, RegisterRequest(Node="n1", Address="127.0.0.1", Check=check))
    return store


def held_key(db: Store, key: str, behavior: str, lock_delay_ns: int = 15_000_000_000) -> None:
    """A key that session s1 holds."""
    session = Session(ID="s1", Node="n1", NodeChecks=["serfHealth"], Behavior=behavior, LockDelay=lock_delay_ns)
    create_session(db, 5, session)
    kv.lock(db, 6, DirEntry(Key=key, Value=b"v", Session="s1"), lambda sid: session_with_id(db, sid) is not None)


def test_the_end_of_a_session_releases_its_keys(db: Store, notes: list[object]) -> None:
    """With behavior release the pair stays, without session, and may not be locked for the lock delay."""
    held_key(db, "a", "release")
    destroy_session(db, 7, "s1")
    entry = kv.entry_of_key(db, "a")[1]
    assert entry is not None and not entry.Session and entry.LockIndex == 1 and entry.ModifyIndex == 7
    assert KeysDelayed(("a",), 15_000_000_000) in notes


def test_behavior_delete_takes_the_keys_along(db: Store) -> None:
    """With behavior delete the pairs of the session are gone, with a tombstone."""
    held_key(db, "a", "delete")
    destroy_session(db, 7, "s1")
    assert kv.entry_of_key(db, "a") == (7, None)


def test_the_lock_delay_is_a_minute_at_most(db: Store, notes: list[object]) -> None:
    """A longer delay is cut, none leaves no note."""
    held_key(db, "a", "release", lock_delay_ns=3600_000_000_000)
    destroy_session(db, 7, "s1")
    assert KeysDelayed(("a",), 60_000_000_000) in notes


def test_a_session_dies_with_its_node(db: Store) -> None:
    """Deregistering the node ends its sessions."""
    held_key(db, "a", "release")
    drop_sessions_of_node(db, 7, "N1")
    assert session_with_id(db, "s1") is None


def test_a_critical_check_ends_the_sessions_that_lean_on_it(db: Store) -> None:
    """The write that makes the check critical releases the keys in the same breath."""
    held_key(db, "a", "release")
    catalog.put_check(db, 8, HealthCheck(Node="n1", CheckID="serfHealth", Name="serf", Status="critical"))
    assert session_with_id(db, "s1") is None


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"Node": "other"}, "Missing node registration"),
        ({"NodeChecks": ["none"]}, "Missing check 'none' registration"),
        ({"Behavior": "explode"}, "Invalid session behavior: explode"),
        ({"ID": ""}, "Missing session ID"),
    ],
)
def test_a_session_needs_its_node_and_checks(db: Store, change: dict[str, Any], text: str) -> None:
    """What a session leans on must be there when it begins."""
    fields: dict[str, Any] = {"ID": "s1", "Node": "n1", "NodeChecks": ["serfHealth"], **change}
    with pytest.raises(InternalError, match=text):
        create_session(db, 5, Session(**fields))


def test_a_critical_check_admits_no_session(db: Store) -> None:
    """A session that would have to end at once is not begun."""
    catalog.put_check(db, 3, HealthCheck(Node="n1", CheckID="serfHealth", Name="serf", Status="critical"))
    with pytest.raises(InternalError, match="Check 'serfHealth' is in critical state"):
        create_session(db, 5, Session(ID="s1", Node="n1", NodeChecks=["serfHealth"]))


def test_a_critical_check_ends_no_session_of_a_node_that_is_merely_spelled_like_it(db: Store) -> None:
    """Names of nodes and checks may both have slashes in them."""
    for node in ("n/a", "n"):
        catalog.register(db, 4, RegisterRequest(Node=node, Address="127.0.0.1"))
    catalog.put_check(db, 4, HealthCheck(Node="n/a", CheckID="b", Status="passing"))
    create_session(db, 5, Session(ID="s1", Node="n/a", NodeChecks=["b"]))
    catalog.put_check(db, 6, HealthCheck(Node="n", CheckID="a/b", Status="critical"))
    assert session_with_id(db, "s1") is not None
