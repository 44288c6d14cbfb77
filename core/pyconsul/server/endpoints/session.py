"""RPC methods of sessions."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from pyconsul.acl import Access
from pyconsul.memdb import Store, WatchSet
from pyconsul.primitives.durations import format_duration, parse_duration
from pyconsul.server.blame import blamed
from pyconsul.server.endpoints import acl_filter
from pyconsul.server.registry import rpc
from pyconsul.server.state.sessions import all_sessions, session_index, session_with_id, sessions_of_node
from pyconsul.structs.errors import InternalError
from pyconsul.structs.messages import MessageType
from pyconsul.structs.session import (
    IndexedSessions,
    NodeSpecificSessions,
    Session,
    SessionRequest,
    SessionSpecificRequest,
)
from pyconsul.structs.wire import changed

if TYPE_CHECKING:
    from pyconsul.server.server import Server

TTL_MAX_NS = 86_400_000_000_000  # a day


@rpc("Session.Apply")
async def apply(srv: Server, req: SessionRequest) -> str:
    """Create a session and answer its ID, or destroy one and answer nothing. Raises InternalError."""
    session = req.Session
    _refuse_incomplete(req)
    rights = srv.acl.authorizer(req.Token)
    if req.Op == "destroy":
        known = session_with_id(srv.db, session.ID)
        if known is None:
            return ""
        rights.require("session", Access.WRITE, known.Node)
    elif req.Op == "create":
        rights.require("session", Access.WRITE, session.Node)
    else:
        raise InternalError(f'Invalid session operation "{req.Op}"')
    check_behavior(session)
    check_ttl(session.TTL, srv.config.session_ttl_min)
    # The log carries the ID: whoever applies the entry, now or at a restart, must make the same session.
    if req.Op == "create":
        session = changed(session, ID=_unused_id(srv.db), Behavior=session.Behavior or "release")
    with blamed("apply failed"):
        answer = await srv.propose(MessageType.SESSION, changed(req, Session=session))
    if req.Op == "create" and session.TTL:
        srv.leader.session_timers.arm(session)
    return str(answer or "")


def _refuse_incomplete(req: SessionRequest) -> None:
    if req.Op == "destroy" and not req.Session.ID:
        raise InternalError("Must provide ID")
    if req.Op == "create" and not req.Session.Node:
        raise InternalError("Must provide Node")


def check_behavior(session: Session) -> None:
    """Raise InternalError for anything but release, delete and the default."""
    if session.Behavior not in ("", "release", "delete"):
        raise InternalError(f"Invalid Behavior setting '{session.Behavior}'")


def check_ttl(ttl: str, minimum_ns: int) -> None:
    """Raise InternalError for a TTL that is no duration or out of bounds; none and zero are fine."""
    if not ttl:
        return
    try:
        ttl_ns = parse_duration(ttl)
    except ValueError as error:
        raise InternalError(f"Session TTL '{ttl}' invalid: {error}") from error
    if ttl_ns != 0 and not minimum_ns <= ttl_ns <= TTL_MAX_NS:
        bounds = f"[{format_duration(minimum_ns)}={format_duration(TTL_MAX_NS)}]"
        raise InternalError(f"Invalid Session TTL '{ttl_ns}', must be between {bounds}")


def _unused_id(db: Store) -> str:
    while True:
        session_id = str(uuid.uuid4())
        if session_with_id(db, session_id) is None:
            return session_id


@rpc("Session.Get")
async def get(srv: Server, ask: SessionSpecificRequest) -> IndexedSessions:
    """One session, as a list of one or null."""
    session_id = ask.SessionID or ask.Session

    def read(db: Store, ws: WatchSet) -> IndexedSessions:
        rights = srv.acl.authorizer(ask.Token, ws)
        session = session_with_id(db, session_id, ws)
        if session is None:
            return IndexedSessions(Index=session_index(db, ws))
        found, filtered = acl_filter.sessions(rights, [session])
        # The index is that of all sessions, but others wake nobody who waits for this one.
        index = session_index(db, None if ask.MinQueryIndex else ws)
        return IndexedSessions(Index=index, Sessions=found, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read, found=lambda reply: reply.Sessions is not None)


@rpc("Session.List")
async def list_sessions(srv: Server, ask: SessionSpecificRequest) -> IndexedSessions:
    """All sessions; null when there are none."""

    def read(db: Store, ws: WatchSet) -> IndexedSessions:
        found, filtered = acl_filter.sessions(srv.acl.authorizer(ask.Token, ws), all_sessions(db, ws))
        return IndexedSessions(Index=session_index(db, ws), Sessions=found or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Session.NodeSessions")
async def node_sessions(srv: Server, ask: NodeSpecificSessions) -> IndexedSessions:
    """The sessions of one node; null when there are none."""

    def read(db: Store, ws: WatchSet) -> IndexedSessions:
        found, filtered = acl_filter.sessions(srv.acl.authorizer(ask.Token, ws), sessions_of_node(db, ask.Node, ws))
        index = session_index(db, ws.quiet)
        return IndexedSessions(Index=index, Sessions=found or None, ResultsFilteredByACLs=filtered)

    return await srv.read(ask, read)


@rpc("Session.Renew")
async def renew(srv: Server, ask: SessionSpecificRequest) -> IndexedSessions:
    """Start the session's TTL again; null sessions when there is none with this ID."""
    session_id = ask.SessionID or ask.Session
    rights = srv.acl.authorizer(ask.Token)
    session = session_with_id(srv.db, session_id)
    if session is None:
        return IndexedSessions(Index=session_index(srv.db))
    rights.require("session", Access.WRITE, session.Node)
    srv.leader.session_timers.arm(session)
    return IndexedSessions(Index=session_index(srv.db), Sessions=[session])
