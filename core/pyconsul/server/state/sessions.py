"""Sessions: which node and checks each depends on, and what ends together with it.

This room knows no catalog and no prepared queries; both add their part of a session's end to ``ENDINGS``.
"""

from collections.abc import Callable

import msgspec

from pyconsul.memdb import Index, Store, Table, WatchSet
from pyconsul.server.state import kv
from pyconsul.server.state.indexes import max_index, raise_index
from pyconsul.structs.session import Session

MAX_LOCK_DELAY_NS = 60_000_000_000


def check_ids(session: Session) -> list[str]:
    """All checks that the session depends on, each once."""
    ids = [*(session.Checks or ()), *(session.NodeChecks or ()), *(c.ID for c in session.ServiceChecks or ())]
    return list(dict.fromkeys(ids))


def _check_key(node: str, check_id: str) -> str:
    return f"{node}\0{check_id}".lower()


def _check_keys(session: Session) -> tuple[str, ...]:
    return tuple(_check_key(session.Node, check) for check in check_ids(session))


SESSIONS: Table[Session] = Table(
    name="sessions",
    primary=lambda s: s.ID.lower(),
    indexes={
        "node": Index(lambda s: (s.Node.lower(),)),
        "check": Index(_check_keys),
    },
)

# What else ends with a session: called inside the transaction that ends it, with the store, the index and the session.
ENDINGS: list[Callable[[Store, int, Session], None]] = []


class KeysDelayed(msgspec.Struct, frozen=True):
    """Note for the leader: these keys may not be locked for ``delay_ns`` from now on."""

    keys: tuple[str, ...]
    delay_ns: int


class SessionEnded(msgspec.Struct, frozen=True):
    """Note for the leader: the session is gone, its TTL timer has no purpose any more."""

    session_id: str


def session_index(db: Store, ws: WatchSet | None = None) -> int:
    """The index of the session table."""
    return max_index(db, "sessions", ws=ws)


def session_with_id(db: Store, session_id: str, ws: WatchSet | None = None) -> Session | None:
    """The session, or None."""
    return db.get(SESSIONS, session_id.lower(), ws)


def all_sessions(db: Store, ws: WatchSet | None = None) -> list[Session]:
    """All sessions in the order of their IDs."""
    return db.all(SESSIONS, ws)


def sessions_of_node(db: Store, node: str, ws: WatchSet | None = None) -> list[Session]:
    """Sessions that die with this node."""
    return db.where(SESSIONS, "node", node.lower(), ws)


def put_session(db: Store, index: int, session: Session) -> None:
    """Store a session whose node and checks were found to be in order."""
    db.put(SESSIONS, session)
    raise_index(db, index, "sessions")


def destroy_session(db: Store, index: int, session_id: str) -> Session | None:
    """End a session: its keys are released or deleted, as its behavior says, and held back by its lock delay.

    Returns the session that ended, or None when there was none.
    """
    # Gone before its end is told: that may make a check critical on which it leaned, and so end it once more.
    session = db.delete(SESSIONS, session_id.lower())
    if session is None:
        return None
    raise_index(db, index, "sessions")
    held = db.where(kv.KVS, "session", session.ID.lower())
    for entry in held:
        if session.Behavior == "delete":
            kv.delete(db, index, entry.Key)
        else:
            kv.release(db, index, entry)
    delay = min(session.LockDelay, MAX_LOCK_DELAY_NS)
    if held and delay > 0:
        db.note(KeysDelayed(tuple(e.Key for e in held), delay))
    for end in ENDINGS:
        end(db, index, session)
    db.note(SessionEnded(session.ID))
    return session


def drop_sessions_of_node(db: Store, index: int, node: str) -> None:
    """End every session of a node that goes away."""
    for session in sessions_of_node(db, node):
        destroy_session(db, index, session.ID)


def drop_sessions_of_check(db: Store, index: int, node: str, check_id: str) -> None:
    """End every session that depends on a check which became critical or went away."""
    for session in db.where(SESSIONS, "check", _check_key(node, check_id)):
        destroy_session(db, index, session.ID)
