"""RPC methods of ACL tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.acl import Access, Authorizer
from pyconsul.acl.templated import policies_of_identities
from pyconsul.memdb import Store, WatchSet
from pyconsul.primitives.ids import uuid_fault
from pyconsul.server.blame import blamed
from pyconsul.server.endpoints.acl import acl_reader, require_acl_writer, require_acls
from pyconsul.server.endpoints.acl_token_writer import create_token, update_token
from pyconsul.server.registry import rpc
from pyconsul.server.state.acl import (
    policy_with_id,
    role_with_id,
    token_with_accessor,
    token_with_secret,
    with_names,
)
from pyconsul.server.state.acl_tokens import listed_tokens, tokens_index
from pyconsul.structs.acl import (
    ANONYMOUS_ACCESSOR,
    HIDDEN_SECRET,
    ACLPolicy,
    ACLRole,
    ACLToken,
    ACLTokenBatchDeleteRequest,
    ACLTokenDeleteRequest,
    ACLTokenGetRequest,
    ACLTokenListRequest,
    ACLTokenListResponse,
    ACLTokenResponse,
    ACLTokenSetRequest,
)
from pyconsul.structs.errors import AclNotFound, InternalError
from pyconsul.structs.messages import MessageType
from pyconsul.structs.wire import changed

if TYPE_CHECKING:
    from pyconsul.server.server import Server


@rpc("ACL.TokenRead")
async def read_token(srv: Server, ask: ACLTokenGetRequest) -> ACLTokenResponse:
    """A token by accessor, or by secret, which needs no rights. Raises AclNotFound where there is none."""
    by_accessor = ask.TokenIDType == "accessor"

    def read(db: Store, ws: WatchSet) -> ACLTokenResponse:
        authorizer = acl_reader(srv, ask.Token, ws) if by_accessor else None
        require_acls(srv)
        token = token_with_accessor(db, ask.TokenID, ws) if by_accessor else token_with_secret(db, ask.TokenID, ws)
        if token is None:
            raise AclNotFound(f"token does not exist: {AclNotFound.default_text}")
        if srv.acl.has_expired(token):
            raise AclNotFound(f"token has expired: {AclNotFound.default_text}")
        shown = with_names(db, token, ws)
        if authorizer is not None:
            shown = _redacted(authorizer, shown)
        reply = ACLTokenResponse(
            Index=tokens_index(db, ws),
            Token=shown,
            Redacted=shown.SecretID == HIDDEN_SECRET,
            SourceDatacenter=ask.Datacenter,
        )
        return _expanded(srv, db, ws, reply, shown) if ask.Expanded else reply

    asker = ask if by_accessor else changed(ask, Token="")  # a secret that nobody has is no token to wait with
    # The index is that of all tokens and rises with each; who waits for one sleeps on.
    return await srv.read(asker, read, content=lambda reply: changed(reply, Index=0))


def _redacted(authorizer: Authorizer, token: ACLToken) -> ACLToken:
    """Whoever may write ACLs sees secrets; the others do not."""
    return token if authorizer.allows("acl", Access.WRITE) else changed(token, SecretID=HIDDEN_SECRET)


def _expanded(srv: Server, db: Store, ws: WatchSet, reply: ACLTokenResponse, token: ACLToken) -> ACLTokenResponse:
    """The reply with everything that the token grants, by itself and by its roles."""
    found = [role_with_id(db, link.ID, ws) for link in token.Roles or ()]
    roles = [with_names(db, role, ws) for role in found if role is not None]
    settings = srv.acl.settings
    return changed(
        reply,
        ExpandedPolicies=_all_policies(db, ws, token, roles) or None,
        ExpandedRoles=roles or None,
        AgentACLDefaultPolicy=settings.default_policy,
        AgentACLDownPolicy=settings.down_policy,
        ResolvedByAgent=srv.config.node_name,
    )


def _all_policies(db: Store, ws: WatchSet, token: ACLToken, roles: list[ACLRole]) -> list[ACLPolicy]:
    links = [link for row in (token, *roles) for link in row.Policies or ()]
    stored = [policy_with_id(db, link.ID, ws) for link in links]
    made = [policy for row in (token, *roles) for policy in policies_of_identities(row)]
    return list({policy.ID: policy for policy in (*stored, *made) if policy is not None}.values())


@rpc("ACL.TokenList")
async def list_tokens(srv: Server, ask: ACLTokenListRequest) -> ACLTokenListResponse:
    """The tokens that are asked for, by secret; not those whose time is over."""

    def read(db: Store, ws: WatchSet) -> ACLTokenListResponse:
        authorizer = acl_reader(srv, ask.Token, ws)
        rows = [token for token in listed_tokens(db, ask, ws) if not srv.acl.has_expired(token)]
        return ACLTokenListResponse(Index=tokens_index(db, ws), Tokens=[_redacted(authorizer, row) for row in rows])

    return await srv.read(ask, read, content=lambda reply: reply.Tokens)


@rpc("ACL.TokenSet")
async def set_token(srv: Server, req: ACLTokenSetRequest) -> ACLToken:
    """Create a token, or replace the one with this accessor. Raises InternalError."""
    require_acl_writer(srv, req.Token)
    if req.Create or not req.ACLToken.AccessorID:
        return await create_token(srv, req.ACLToken)
    return await update_token(srv, req.ACLToken)


@rpc("ACL.TokenClone")
async def clone_token(srv: Server, req: ACLTokenSetRequest) -> ACLToken:
    """A new token with the rights of another one. Raises AclNotFound where there is none."""
    require_acl_writer(srv, req.Token)
    token = token_with_accessor(srv.db, req.ACLToken.AccessorID)
    if token is None:
        raise AclNotFound(f"token does not exist: {AclNotFound.default_text}")
    if srv.acl.has_expired(token):
        raise AclNotFound(f"token is expired: {AclNotFound.default_text}")
    if token.AuthMethod:
        raise InternalError("Cannot clone a token created from an auth method")
    token = with_names(srv.db, token)
    clone = ACLToken(
        Policies=token.Policies,
        Roles=token.Roles,
        ServiceIdentities=token.ServiceIdentities,
        NodeIdentities=token.NodeIdentities,
        TemplatedPolicies=token.TemplatedPolicies,
        Local=token.Local,
        Description=req.ACLToken.Description or token.Description,
        ExpirationTime=token.ExpirationTime,
    )
    return await create_token(srv, clone)


@rpc("ACL.TokenDelete")
async def delete_token(srv: Server, req: ACLTokenDeleteRequest) -> str:
    """Drop a token; answers its accessor. Raises AclNotFound where there is none."""
    require_acl_writer(srv, req.Token)
    if uuid_fault(req.TokenID):
        raise InternalError("Accessor ID is missing or an invalid UUID")
    if req.TokenID == ANONYMOUS_ACCESSOR:
        raise InternalError("Delete operation not permitted on the anonymous token")
    token = token_with_accessor(srv.db, req.TokenID)
    if token is None:
        raise AclNotFound(f"token does not exist: {AclNotFound.default_text}")
    if token.SecretID == req.Token:
        raise InternalError("Deletion of the request's authorization token is not permitted")
    with blamed("Failed to apply token delete request"):
        await srv.propose(MessageType.ACL_TOKEN_DELETE, ACLTokenBatchDeleteRequest(TokenIDs=[req.TokenID]))
    return token.AccessorID
