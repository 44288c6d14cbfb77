"""Writes and lists of ACL tokens: accessor and secret never change, policies and roles that they link to are there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice, takewhile

import msgspec

from pyconsul.acl.hashing import hash_of_token
from pyconsul.memdb import Store, WatchSet
from pyconsul.server.blame import blamed
from pyconsul.server.state.acl import (
    BOOTSTRAP_INDEX,
    TOKENS,
    TOKENS_INDEX,
    auth_method_named,
    policy_with_id,
    refuse_empty_identities,
    resolved,
    role_with_id,
    token_with_accessor,
    with_names,
)
from pyconsul.server.state.indexes import has_index, max_index, raise_index, set_index
from pyconsul.server.state.uuid_keys import link_key
from pyconsul.structs.acl import ANONYMOUS_ACCESSOR, ACLToken, ACLTokenListRequest, expiration_of
from pyconsul.structs.errors import InternalError
from pyconsul.structs.wire import changed

BOOTSTRAP_OVER = "ACL bootstrap no longer allowed"


class TokenRules(msgspec.Struct, frozen=True):
    """What a write of tokens may do.

    ``cas``: only where the ModifyIndex still holds. ``allow_missing``: links may lead nowhere. ``must_grant``: a token
    that gives no rights is refused. ``replicated``: the tokens are another datacenter's.
    """

    cas: bool = False
    allow_missing: bool = False
    must_grant: bool = False
    replicated: bool = False


def tokens_index(db: Store, ws: WatchSet | None = None) -> int:
    """The index of the table."""
    return max_index(db, TOKENS_INDEX, ws=ws)


# Reads


def listed_tokens(db: Store, ask: ACLTokenListRequest, ws: WatchSet | None = None) -> list[ACLToken]:
    """The tokens that are asked for, in the order of their secrets, as they are shown.

    Raises InternalError for two filters at once, and for a policy's or role's ID that is no UUID.
    """
    rows = sorted(_filtered(db, ask, ws), key=lambda token: token.SecretID.encode("utf-8", "surrogateescape"))
    return [with_names(db, token, ws) for token in rows]


def _filtered(db: Store, ask: ACLTokenListRequest, ws: WatchSet | None) -> list[ACLToken]:
    wishes = [
        (index, value)
        for index, value in (
            ("policy", ask.Policy),
            ("role", ask.Role),
            ("auth-method", ask.AuthMethod),
            ("service", ask.ServiceName),
        )
        if value
    ]
    if len(wishes) > 1:
        raise InternalError("can only filter by one of policy, role, serviceName, or methodName at a time")
    if not wishes:
        rows = db.all(TOKENS, ws)
    else:
        index, value = wishes[0]
        key = link_key(value, "acl token") if index in ("policy", "role") else value.lower()
        rows = db.where(TOKENS, index, key, ws)
    either = ask.IncludeLocal == ask.IncludeGlobal
    return [token for token in rows if either or token.Local == ask.IncludeLocal]


def expired_tokens(db: Store, place: str, now: datetime, most: int, ws: WatchSet | None = None) -> list[ACLToken]:
    """Tokens of one locality whose time is over, those that ended first before the others."""
    in_time = takewhile(lambda token: _end_of(token) < now, _expiring(db, place, ws))
    return list(islice(in_time, most))


def next_expiration(db: Store, place: str, ws: WatchSet | None = None) -> datetime | None:
    """When the next token of a locality ends, or has ended already."""
    return next((_end_of(token) for token in _expiring(db, place, ws)), None)


def _expiring(db: Store, place: str, ws: WatchSet | None) -> Iterator[ACLToken]:
    return db.in_order_of(TOKENS, f"{place}-expires", ws)


def _end_of(token: ACLToken) -> datetime:
    end = expiration_of(token)
    assert end is not None  # it is found by its end
    return end


def reset_index(db: Store) -> int:
    """The index of the last bootstrap, which the next one must name; 0 before the first one."""
    return max_index(db, BOOTSTRAP_INDEX)


def can_bootstrap(db: Store) -> bool:
    """Whether nobody has bootstrapped yet."""
    return not has_index(db, BOOTSTRAP_INDEX)


# Writes


def bootstrap(db: Store, index: int, token: ACLToken, reset: int) -> None:
    """Store the first management token. Raises InternalError after the first time, unless ``reset`` is right."""
    if not can_bootstrap(db):
        if not reset:
            raise InternalError(BOOTSTRAP_OVER)
        if reset != reset_index(db):
            raise InternalError("Invalid ACL bootstrap reset index")
    with blamed("failed inserting bootstrap token"):
        set_token(db, index, token)
    set_index(db, index, BOOTSTRAP_INDEX)


_NO_RULES = TokenRules()


def set_token(db: Store, index: int, token: ACLToken, rules: TokenRules = _NO_RULES) -> None:
    """Create or replace a token; does nothing where ``rules.cas`` and the index do not fit. Raises InternalError."""
    if not token.SecretID:
        raise InternalError("Missing ACL Token SecretID")
    if not token.AccessorID:
        raise InternalError("Missing ACL Token AccessorID")
    if rules.replicated and token.Local:
        raise InternalError("Cannot replicate local tokens")
    old = token_with_accessor(db, token.AccessorID)
    if rules.cas and token.ModifyIndex != (old.ModifyIndex if old else 0):
        return
    token = _with_links(db, token, allow_missing=rules.allow_missing)
    if token.AuthMethod and not rules.replicated and auth_method_named(db, token.AuthMethod) is None:
        raise InternalError(f"No such auth method with Name: {token.AuthMethod}")
    refuse_empty_identities("Token", token)
    if rules.must_grant and not _grants(token):
        raise InternalError("Token has no privileges")
    if old is not None:
        _refuse_other_ids(old, token)
    put_token(
        db,
        changed(
            token,
            CreateIndex=old.CreateIndex if old else index,
            ModifyIndex=index,
            Hash=token.Hash or hash_of_token(token),
        ),
    )


def _with_links(db: Store, token: ACLToken, *, allow_missing: bool) -> ACLToken:
    """The token with the names of what it links to. Raises InternalError."""
    policies = resolved(
        "a Token with policies", token.Policies, lambda key: policy_with_id(db, key), allow_missing=allow_missing
    )
    roles = resolved("a Token with roles", token.Roles, lambda key: role_with_id(db, key), allow_missing=allow_missing)
    return changed(token, Policies=policies, Roles=roles)


def _grants(token: ACLToken) -> bool:
    """Whether it gives any rights: links that lead nowhere have no name."""
    links = (*(token.Policies or ()), *(token.Roles or ()))
    identities = token.ServiceIdentities or token.NodeIdentities or token.TemplatedPolicies
    return bool(identities) or any(link.Name for link in links)


def _refuse_other_ids(old: ACLToken, token: ACLToken) -> None:
    if token.AccessorID != old.AccessorID:
        raise InternalError("The ACL Token AccessorID field is immutable")
    if token.SecretID != old.SecretID:
        raise InternalError("The ACL Token SecretID field is immutable")


def put_token(db: Store, token: ACLToken) -> None:
    """Store a token as it is."""
    db.put(TOKENS, token)
    raise_index(db, token.ModifyIndex, TOKENS_INDEX)


def delete_token(db: Store, index: int, accessor: str) -> None:
    """Drop a token, if there is one. Raises InternalError for the anonymous one."""
    token = token_with_accessor(db, accessor)
    if token is None:
        return
    if token.AccessorID == ANONYMOUS_ACCESSOR:
        raise InternalError("Deletion of the builtin anonymous token is not permitted")
    db.delete(TOKENS, token.AccessorID.lower())
    raise_index(db, index, TOKENS_INDEX)
