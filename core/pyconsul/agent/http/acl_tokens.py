"""``/v1/acl/token`` and ``/v1/acl/tokens``."""

from __future__ import annotations

from typing import Any

from pyconsul.agent.http.acl_policies import shown
from pyconsul.agent.http.acl_requests import body_of, deleted, path_part, require_acls
from pyconsul.agent.http.discovery import fetch
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.structs.acl import (
    ACLToken,
    ACLTokenDeleteRequest,
    ACLTokenExpanded,
    ACLTokenGetRequest,
    ACLTokenListRequest,
    ACLTokenListResponse,
    ACLTokenResponse,
    ACLTokenSetRequest,
)
from pyconsul.structs.acl_input import token_from
from pyconsul.structs.errors import BadRequest
from pyconsul.structs.wire import changed

_CLONE = "/clone"


@route("GET", "/v1/acl/tokens")
async def acl_tokens(req: Request) -> Reply:
    """All tokens, or those of one policy, role, service or auth method."""
    require_acls(req)
    options = req.read_options()
    if req.query.get("authmethod-ns"):
        raise BadRequest('Invalid query parameter: "authmethod-ns" - Namespaces are a Consul Enterprise feature')
    ask = ACLTokenListRequest(
        **options,
        IncludeLocal=True,
        IncludeGlobal=True,
        Policy=req.query.get("policy"),
        Role=req.query.get("role"),
        AuthMethod=req.query.get("authmethod"),
        ServiceName=req.query.get("servicename"),
    )
    found = await fetch(req, "ACL.TokenList", ask, ACLTokenListResponse, shows_consistency=False)
    return Reply(found.Tokens or [], meta=found)


@route("PUT", "/v1/acl/token")
async def acl_token_create(req: Request) -> Reply:
    """Create a token; accessor and secret may be the client's choice."""
    require_acls(req)
    options, token = req.primary_write_options(), body_of(req, token_from, "Token")
    return Reply(await req.rpc("ACL.TokenSet", ACLTokenSetRequest(ACLToken=token, Create=True, **options), ACLToken))


@route("GET", "/v1/acl/token/self")
async def acl_token_self(req: Request) -> Reply:
    """The request's own token, with its secret."""
    require_acls(req)
    options = req.read_options(refuse_enterprise=False)
    ask = ACLTokenGetRequest(**options, TokenID=options["Token"], TokenIDType="secret")
    found = await fetch(req, "ACL.TokenRead", ask, ACLTokenResponse, shows_consistency=False)
    return Reply(found.Token, meta=found)


@route("GET", "/v1/acl/token/{id...}")
async def acl_token(req: Request) -> Reply:
    """One token; with ``?expanded`` also all that it grants."""
    require_acls(req)
    accessor = path_part(req, "id", "token AccessorID")
    ask = ACLTokenGetRequest(**req.read_options(), TokenID=accessor, Expanded=req.query.has("expanded"))
    found = await fetch(req, "ACL.TokenRead", ask, ACLTokenResponse, shows_consistency=False)
    return Reply(_expanded(found) if ask.Expanded else found.Token, meta=found)


def _expanded(found: ACLTokenResponse) -> ACLTokenExpanded:
    fields: dict[str, Any] = {name: getattr(found.Token, name) for name in ACLToken.__struct_fields__}
    fields.update({name: getattr(found, name) for name in ACLTokenExpanded.__struct_fields__ if name not in fields})
    fields["ExpandedPolicies"] = [shown(policy) for policy in found.ExpandedPolicies or ()] or None
    return ACLTokenExpanded(**fields)


@route("PUT", "/v1/acl/token/{id...}")
async def acl_token_update(req: Request) -> Reply:
    """Replace a token, or clone it where the path ends so."""
    require_acls(req)
    options, token, accessor = req.primary_write_options(), body_of(req, token_from, "Token"), req.path["id"]
    if accessor.endswith(_CLONE):
        ask = ACLTokenSetRequest(
            ACLToken=changed(token, AccessorID=accessor.removesuffix(_CLONE)), Create=True, **options
        )
        return Reply(await req.rpc("ACL.TokenClone", ask, ACLToken))
    if token.AccessorID and token.AccessorID != accessor:
        raise BadRequest("Token Accessor ID in URL and payload do not match")
    ask = ACLTokenSetRequest(ACLToken=changed(token, AccessorID=accessor), **options)
    return Reply(await req.rpc("ACL.TokenSet", ask, ACLToken))


@route("DELETE", "/v1/acl/token/{id...}")
async def acl_token_delete(req: Request) -> Reply:
    """Drop a token; 404 for one that is not there, and for a token of the request that nobody knows."""
    require_acls(req)
    accessor = path_part(req, "id", "token AccessorID")
    ask = ACLTokenDeleteRequest(TokenID=accessor, **req.primary_write_options())
    return await deleted(req, "ACL.TokenDelete", ask, "token")
