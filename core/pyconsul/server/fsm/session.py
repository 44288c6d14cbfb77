"""Log entries of sessions, and their snapshot records."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state.catalog import MISSING_KEY, check_of_node, node_named, update_session_checks
from pyconsul.server.state.catalog_tables import MISSING_NODE
from pyconsul.server.state.sessions import SESSIONS, check_ids, destroy_session, put_session
from pyconsul.structs.errors import InternalError
from pyconsul.structs.messages import MessageType
from pyconsul.structs.session import Session, SessionRequest
from pyconsul.structs.wire import changed


@applies(MessageType.SESSION, SessionRequest)
def apply_session(db: Store, index: int, req: SessionRequest) -> str | None:
    """Create (answers the session's ID) or destroy (answers nothing) a session."""
    match req.Op:
        case "create":
            return create_session(db, index, req.Session)
        case "destroy":
            destroy_session(db, index, req.Session.ID)
            return None
        case _:
            raise InternalError(f"Invalid session operation '{req.Op}'")


def create_session(db: Store, index: int, session: Session) -> str:
    """Store a session once its node is there and none of its checks is critical. Raises InternalError."""
    if not session.ID:
        raise InternalError("Missing session ID")
    if session.Behavior not in ("", "release", "delete"):
        raise InternalError(f"Invalid session behavior: {session.Behavior}")
    if node_named(db, session.Node) is None:
        raise InternalError(MISSING_NODE)
    for check_id in check_ids(session):
        if not check_id:
            raise InternalError(f"failed check lookup: {MISSING_KEY}")
        check = check_of_node(db, session.Node, check_id)
        if check is None:
            raise InternalError(f"Missing check '{check_id}' registration")
        # A check of type session passes only while there is one, so that it is critical before the first.
        if check.Status == "critical" and check.Type != "session":
            raise InternalError(f"Check '{check_id}' is in {check.Status} state")
    stored = changed(session, Behavior=session.Behavior or "release", CreateIndex=index, ModifyIndex=index)
    put_session(db, index, stored)
    update_session_checks(db, index, stored, "passing")
    return stored.ID


def load_session(db: Store, row: Session) -> None:
    """Put one session back as it was."""
    put_session(db, row.ModifyIndex, row)


@snapshot_records(MessageType.SESSION, Session, load=load_session)
def session_rows(frozen: FrozenStore) -> Iterable[Session]:
    """All sessions."""
    return frozen.all(SESSIONS)
