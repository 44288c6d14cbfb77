"""What the routes of policies, roles, tokens, auth methods and binding rules have in common.

``what`` is what the sentences call the thing: ``policy``, ``role``, ``binding rule`` …
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pyconsul.agent.http.reply import Reply, late_meta
from pyconsul.agent.http.request import Request
from pyconsul.structs.errors import AclDisabled, AclNotFound, BadRequest, NotFound
from pyconsul.structs.wire import Indexed, WriteRequest

T = TypeVar("T")


def require_acls(req: Request) -> None:
    """Raise AclDisabled while ACLs are off: before anything else is looked at."""
    if not req.agent.config.acl.enabled:
        raise AclDisabled


def path_part(req: Request, name: str, missing: str) -> str:
    """The end of the path. Raises BadRequest, which says what is ``missing``, where there is none."""
    if not req.path[name]:
        raise BadRequest(f"Missing {missing}")
    return req.path[name]


def body_of(req: Request, read: Callable[[bytes], T], kind: str) -> T:
    """What the body defines. Raises BadRequest."""
    try:
        return read(req.body)
    except ValueError as error:
        raise BadRequest(f"{kind} decoding failed: {error}") from error


def existing(req: Request, found: T | None, what: str, meta: Indexed) -> T:
    """What was read. Raises NotFound for nothing."""
    if found is None:
        text = f"Requested {what} does not exist: {AclNotFound.default_text}"
        raise NotFound(text, meta=late_meta(req, meta))
    return found


async def deleted(req: Request, method: str, ask: WriteRequest, what: str) -> Reply:
    """Delete by an RPC. Raises NotFound for what is not there, and for a token that nobody knows."""
    try:
        await req.rpc(method, ask, object)
    except AclNotFound as error:
        raise NotFound(f"Cannot find {what} to delete") from error
    return Reply(True)
