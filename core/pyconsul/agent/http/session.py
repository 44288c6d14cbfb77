"""``/v1/session``: create, destroy, renew and read sessions."""

from __future__ import annotations

from typing import Any

from pyconsul.agent.http.discovery import fetch
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.primitives.durations import from_number, parse_duration
from pyconsul.structs import godecode
from pyconsul.structs.errors import BadRequest, NotFound
from pyconsul.structs.health import SERF_CHECK_ID
from pyconsul.structs.session import (
    IndexedSessions,
    NodeSpecificSessions,
    Session,
    SessionRequest,
    SessionSpecificRequest,
)
from pyconsul.structs.wire import UNSET, ReadRequest, UnsetType, changed

DEFAULT_LOCK_DELAY_NS = 15_000_000_000
_INT64 = 1 << 63


@route("PUT", "/v1/session/create")
async def session_create(req: Request) -> Reply:
    """Create a session on this agent's node unless the body says otherwise; answers its ID."""
    options = req.write_options()
    session = Session(
        Node=req.agent.node_name,
        NodeChecks=[SERF_CHECK_ID],
        Checks=[SERF_CHECK_ID],  # both, so that settle_checks sees which of them a body names
        LockDelay=DEFAULT_LOCK_DELAY_NS,
        Behavior="release",
    )
    if req.body:
        try:
            session = session_from(godecode.parse(req.body), session)
        except ValueError as error:
            raise BadRequest(f"Request decode failed: {godecode.enterprise_hint(str(error))}") from error
    request = SessionRequest(Op="create", Session=settle_checks(session), **options)
    return Reply({"ID": await req.rpc("Session.Apply", request, str)})


def session_from(value: Any, default: Session) -> Session:
    """A session from parsed JSON over ``default``; ``LockDelay`` is text or nanoseconds. Raises ValueError.

    Numbers below 1000 are seconds, as users of old agents wrote them.
    """
    session = godecode.into(value, Session, default=default, strict=False)
    _, delay = godecode.take(value, "LockDelay")
    return changed(session, LockDelay=_lock_delay(delay, default.LockDelay))


def _lock_delay(value: Any, default: int) -> int:
    if value is None:
        return default
    if isinstance(value, str):
        delay = parse_duration(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        delay = from_number(value)
    else:
        delay = 0
    # In Go's 64 bits, where the product wraps around for what is far below zero.
    return (delay * 1_000_000_000 + _INT64) % (2 * _INT64) - _INT64 if delay < 1000 else delay


def settle_checks(session: Session) -> Session:
    """Reconcile the deprecated ``Checks`` with ``NodeChecks`` where only one of them was meant."""
    checks = session.Checks
    if isinstance(checks, UnsetType) or not checks:
        return changed(session, NodeChecks=[], Checks=UNSET)
    if checks == [SERF_CHECK_ID] or not session.NodeChecks:
        return changed(session, Checks=UNSET)
    return session


@route("PUT", "/v1/session/destroy/{id...}")
async def session_destroy(req: Request) -> Reply:
    """End a session; true also where there was none."""
    options = req.write_options()
    request = SessionRequest(Op="destroy", Session=Session(ID=_session_id(req)), **options)
    await req.rpc("Session.Apply", request, str)
    return Reply(True)


@route("PUT", "/v1/session/renew/{id...}")
async def session_renew(req: Request) -> Reply:
    """Start the TTL of a session again; 404 where there is none."""
    options = req.read_options()
    session_id = _session_id(req)
    ask = SessionSpecificRequest(SessionID=session_id, Session=session_id, **options)
    found = await req.rpc("Session.Renew", ask, IndexedSessions)
    if found.Sessions is None:
        raise NotFound(f"Session id '{session_id}' not found")
    return Reply(found.Sessions)


@route("GET", "/v1/session/info/{id...}")
async def session_info(req: Request) -> Reply:
    """Read one session as a list of zero or one; an unknown id is an empty list, not 404."""
    options = req.read_options()
    session_id = _session_id(req)
    ask = SessionSpecificRequest(SessionID=session_id, Session=session_id, **options)
    return await _listed(req, "Session.Get", ask)


@route("GET", "/v1/session/list")
async def session_list(req: Request) -> Reply:
    """All sessions of the datacenter."""
    ask = SessionSpecificRequest(**req.read_options())
    return await _listed(req, "Session.List", ask)


@route("GET", "/v1/session/node/{node...}")
async def session_node(req: Request) -> Reply:
    """The sessions of one node."""
    options = req.read_options()
    if not req.path["node"]:
        raise BadRequest("Missing node name")
    ask = NodeSpecificSessions(Node=req.path["node"], **options)
    return await _listed(req, "Session.NodeSessions", ask)


def _session_id(req: Request) -> str:
    if not req.path["id"]:
        raise BadRequest("Missing session")
    return req.path["id"]


async def _listed(req: Request, method: str, ask: ReadRequest) -> Reply:
    """Sessions as a list."""
    found = await fetch(req, method, ask, IndexedSessions, shows_consistency=False)
    return Reply(found.Sessions or [], meta=found)
