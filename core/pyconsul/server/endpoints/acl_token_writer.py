"""How tokens are made and changed, by hand or by a login: checked, made canonical, written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from pyconsul.acl.hashing import hash_of_token
from pyconsul.acl.templated import TEMPLATES, variables_fault
from pyconsul.lang.strconv import quote
from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.ids import uuid_fault
from pyconsul.server.acl import ROOTS
from pyconsul.server.blame import blamed
from pyconsul.server.endpoints.acl_links import each_template_once, links_by_id, node_identities, service_identities
from pyconsul.server.leader.acl import is_token_id_taken, unused_token_id
from pyconsul.server.state.acl import (
    policy_named,
    policy_with_id,
    role_named,
    role_with_id,
    token_with_accessor,
    with_names,
)
from pyconsul.structs.acl import (
    RESERVED_PREFIX,
    ACLTemplatedPolicy,
    ACLToken,
    ACLTokenBatchSetRequest,
    expiration_of,
)
from pyconsul.structs.errors import InternalError, PermissionDenied
from pyconsul.structs.gotime import nanoseconds_of, text_of_nanoseconds
from pyconsul.structs.messages import MessageType
from pyconsul.structs.wire import UNSET, changed, omit

if TYPE_CHECKING:
    from pyconsul.server.server import Server

MIN_TTL: Final = 60_000_000_000  # ns


async def create_token(srv: Server, token: ACLToken, *, from_login: bool = False) -> ACLToken:
    """Write a new token; accessor and secret are made where none is given. Raises InternalError."""
    accessor = _new_id(srv, token.AccessorID, "AccessorID")
    secret = _new_id(srv, token.SecretID, "SecretID")
    now = time.time_ns()
    token = changed(token, AccessorID=accessor, SecretID=secret, CreateTime=text_of_nanoseconds(now))
    token = _with_expiration(token, now)
    if from_login and not token.AuthMethod:
        raise InternalError("AuthMethod field is required during login")
    if token.AuthMethod and not from_login:
        raise InternalError("AuthMethod field is disallowed outside of login")
    return await _write(srv, token, from_login=from_login)


async def update_token(srv: Server, token: ACLToken) -> ACLToken:
    """Replace a token; what identifies it stays as it is. Raises InternalError."""
    if uuid_fault(token.AccessorID):
        raise InternalError("AccessorID is not a valid UUID")
    if token.SecretID in ROOTS:
        raise PermissionDenied("Permission denied: Cannot modify root ACL")
    known = token_with_accessor(srv.db, token.AccessorID)
    if known is None or srv.acl.has_expired(known):
        raise InternalError(f"Cannot find token {quote(token.AccessorID)}")
    _refuse_new_identity(known, token)
    token = changed(
        token,
        SecretID=known.SecretID,
        AuthMethod=known.AuthMethod,
        ExpirationTime=known.ExpirationTime if expiration_of(token) is None else token.ExpirationTime,
        CreateTime=known.CreateTime,
    )
    return await _write(srv, token, from_login=False)


def _new_id(srv: Server, given: str, field: str) -> str:
    """An ID that nobody has: the given one, or a new one. Raises InternalError."""
    if not given:
        return unused_token_id(srv.db)
    fault = ""
    if given.startswith(RESERVED_PREFIX):
        fault = f" - UUIDs with the prefix {quote(RESERVED_PREFIX)} are reserved"
    elif uuid_fault(given):
        fault = " - not a valid UUID"
    elif is_token_id_taken(srv.db, given):
        fault = " is already in use"
    if fault:
        raise InternalError(f"Invalid Token: {field}{fault}")
    return given


def _with_expiration(token: ACLToken, now: int) -> ACLToken:
    """The token with its end as a moment; ``now`` is in nanoseconds. Raises InternalError for too short a life."""
    ttl = token.ExpirationTTL or 0
    if ttl < 0:
        raise InternalError(f"Token Expiration TTL '{format_duration(ttl)}' should be > 0")
    if ttl:
        if expiration_of(token) is not None:
            raise InternalError("Token Expiration TTL and Expiration Time cannot both be set")
        token = changed(token, ExpirationTTL=UNSET, ExpirationTime=text_of_nanoseconds(now + ttl))
    elif expiration_of(token) is not None:
        ttl = nanoseconds_of(token.ExpirationTime or "") - now
        if ttl < 0:
            raise InternalError("ExpirationTime cannot be before CreateTime")
    else:
        return token
    if ttl < MIN_TTL:
        raise InternalError(
            f"ExpirationTime cannot be less than {format_duration(MIN_TTL)} in the future (was {format_duration(ttl)})"
        )
    return token


def _refuse_new_identity(known: ACLToken, token: ACLToken) -> None:
    """Raise InternalError for a change of what a token is, as opposed to what it grants."""
    if token.SecretID and token.SecretID != known.SecretID:
        raise InternalError("Changing a token's SecretID is not permitted")
    if token.Local != known.Local:
        raise InternalError(f"Cannot toggle local mode of {token.AccessorID}")
    if token.AuthMethod and token.AuthMethod != known.AuthMethod:
        raise InternalError(f"Cannot change AuthMethod of {token.AccessorID}")
    ends = expiration_of(token)
    if token.ExpirationTTL or (ends is not None and not _same_end(known, token)):
        raise InternalError(f"Cannot change expiration time of {token.AccessorID}")


def _same_end(known: ACLToken, token: ACLToken) -> bool:
    return bool(known.ExpirationTime) and nanoseconds_of(known.ExpirationTime or "") == nanoseconds_of(
        token.ExpirationTime or ""
    )


async def _write(srv: Server, token: ACLToken, *, from_login: bool) -> ACLToken:
    db = srv.db
    token = changed(
        token,
        Roles=links_by_id(db, token.Roles, "role", role_named, role_with_id),
        Policies=links_by_id(db, token.Policies, "policy", policy_named, policy_with_id),
        ServiceIdentities=service_identities(token.ServiceIdentities, "token", local=token.Local),
        NodeIdentities=node_identities(token.NodeIdentities, "token"),
        TemplatedPolicies=each_template_once([_templated(one) for one in token.TemplatedPolicies or ()]),
        ExpirationTTL=UNSET,
    )
    token = changed(token, Hash=hash_of_token(token))
    # A login may link to roles that are not there, but a token that grants nothing at all is refused.
    request = ACLTokenBatchSetRequest(Tokens=[token], AllowMissingLinks=from_login, ProhibitUnprivileged=from_login)
    with blamed("Failed to apply token write request"):
        await srv.propose(MessageType.ACL_TOKEN_SET, request)
    stored = token_with_accessor(srv.db, token.AccessorID)
    if stored is None:
        raise InternalError("Failed to retrieve token after insertion")
    return with_names(srv.db, stored)


def _templated(given: ACLTemplatedPolicy) -> ACLTemplatedPolicy:
    name = given.TemplateName or ""
    if not name:
        raise InternalError("templated policy is missing the template name field on this token")
    template = TEMPLATES.get(name)
    if template is None:
        raise InternalError(f"no such ACL templated policy with Name {quote(name)}")
    if fault := variables_fault(given):
        raise InternalError(f"validation error for templated policy {quote(name)}: {fault}")
    return changed(given, TemplateID=template.template_id, Datacenters=omit(given.Datacenters))
