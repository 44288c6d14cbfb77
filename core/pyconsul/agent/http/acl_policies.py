"""``/v1/acl/policy`` and ``/v1/acl/policies``."""

from __future__ import annotations

from typing import Any

from pyconsul.agent.http.acl import require_acls
from pyconsul.agent.http.discovery import fetch
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request, unescape
from pyconsul.agent.http.routing import route
from pyconsul.structs.acl import (
    ACLPolicy,
    ACLPolicyDeleteRequest,
    ACLPolicyGetRequest,
    ACLPolicyListResponse,
    ACLPolicyResponse,
    ACLPolicySetRequest,
)
from pyconsul.structs.acl_input import policy_from
from pyconsul.structs.catalog import DCSpecificRequest
from pyconsul.structs.errors import AclNotFound, BadRequest, InternalError, NotFound
from pyconsul.structs.wire import changed, omit


@route("GET", "/v1/acl/policies")
async def acl_policies(req: Request) -> Reply:
    """All policies by name, without their rules."""
    require_acls(req)
    ask = DCSpecificRequest(**req.read_options())
    found = await fetch(req, "ACL.PolicyList", ask, ACLPolicyListResponse, shows_consistency=False)
    return Reply(found.Policies or [], meta=found)


@route("PUT", "/v1/acl/policy")
async def acl_policy_create(req: Request) -> Reply:
    """Create a policy, whose ID is never the client's choice."""
    require_acls(req)
    options, policy = acl_write_options(req), _policy(req)
    if policy.ID:
        raise BadRequest("Cannot specify the ID when creating a new policy")
    return Reply(shown(await req.rpc("ACL.PolicySet", ACLPolicySetRequest(Policy=policy, **options), ACLPolicy)))


def shown(policy: ACLPolicy) -> ACLPolicy:
    """A policy without its datacenters where the list of them is empty; lists of policies show it nevertheless."""
    return changed(policy, Datacenters=omit(policy.Datacenters))


def acl_write_options(req: Request) -> dict[str, Any]:
    """Token and datacenter of a write; the latter is always this agent's. Raises BadRequest."""
    req.refuse_enterprise()
    return {"Datacenter": req.agent.datacenter, "Token": req.token()}


def _policy(req: Request) -> ACLPolicy:
    try:
        return policy_from(req.body)
    except ValueError as error:
        raise BadRequest(f"Policy decoding failed: {error}") from error


@route("GET", "/v1/acl/policy/name/{name...}")
async def acl_policy_by_name(req: Request) -> Reply:
    """One policy; its name may be escaped once more, for the slash in it."""
    require_acls(req)
    if not req.path["name"]:
        raise BadRequest("Missing policy Name")
    try:
        name = unescape(req.path["name"], plus=True)
    except ValueError as error:
        raise InternalError(str(error)) from error
    return await _read(req, ACLPolicyGetRequest(PolicyName=name, **req.read_options()))


@route("GET", "/v1/acl/policy/{id...}")
async def acl_policy(req: Request) -> Reply:
    """One policy."""
    require_acls(req)
    return await _read(req, ACLPolicyGetRequest(PolicyID=_id(req), **req.read_options()))


def _id(req: Request) -> str:
    if not req.path["id"]:
        raise BadRequest("Missing policy ID")
    return req.path["id"]


async def _read(req: Request, ask: ACLPolicyGetRequest) -> Reply:
    found = await fetch(req, "ACL.PolicyRead", ask, ACLPolicyResponse, shows_consistency=False)
    if found.Policy is None:
        raise NotFound(f"Requested policy does not exist: {AclNotFound.default_text}")
    return Reply(shown(found.Policy), meta=found)


@route("PUT", "/v1/acl/policy/{id...}")
async def acl_policy_update(req: Request) -> Reply:
    """Replace a policy."""
    require_acls(req)
    options, policy = acl_write_options(req), _policy(req)
    if policy.ID and req.path["id"] != policy.ID:
        raise BadRequest("Policy ID in URL and payload do not match")
    request = ACLPolicySetRequest(Policy=changed(policy, ID=req.path["id"]), **options)
    return Reply(shown(await req.rpc("ACL.PolicySet", request, ACLPolicy)))


@route("DELETE", "/v1/acl/policy/{id...}")
async def acl_policy_delete(req: Request) -> Reply:
    """Drop a policy; 404 for one that is not there, and for a token that nobody knows."""
    require_acls(req)
    request = ACLPolicyDeleteRequest(PolicyID=_id(req), **acl_write_options(req))
    try:
        await req.rpc("ACL.PolicyDelete", request, str)
    except AclNotFound as error:
        raise NotFound("Cannot find policy to delete") from error
    return Reply(True)
