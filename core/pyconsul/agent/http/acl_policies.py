"""``/v1/acl/policy`` and ``/v1/acl/policies``."""

from __future__ import annotations

from pyconsul.agent.http.acl_requests import body_of, deleted, existing, path_part, require_acls, write_options
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
from pyconsul.structs.errors import BadRequest, InternalError
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
    options, policy = write_options(req), body_of(req, policy_from, "Policy")
    if policy.ID:
        raise BadRequest("Cannot specify the ID when creating a new policy")
    return Reply(shown(await req.rpc("ACL.PolicySet", ACLPolicySetRequest(Policy=policy, **options), ACLPolicy)))


def shown(policy: ACLPolicy) -> ACLPolicy:
    """A policy without its datacenters where the list of them is empty; lists of policies show it nevertheless."""
    return changed(policy, Datacenters=omit(policy.Datacenters))


@route("GET", "/v1/acl/policy/name/{name...}")
async def acl_policy_by_name(req: Request) -> Reply:
    """One policy; its name may be escaped once more, for the slash in it."""
    require_acls(req)
    escaped = path_part(req, "name", "policy Name")
    try:
        name = unescape(escaped, plus=True)
    except ValueError as error:
        raise InternalError(str(error)) from error
    return await _read(req, ACLPolicyGetRequest(PolicyName=name, **req.read_options()))


@route("GET", "/v1/acl/policy/{id...}")
async def acl_policy(req: Request) -> Reply:
    """One policy."""
    require_acls(req)
    return await _read(req, ACLPolicyGetRequest(PolicyID=path_part(req, "id", "policy ID"), **req.read_options()))


async def _read(req: Request, ask: ACLPolicyGetRequest) -> Reply:
    found = await fetch(req, "ACL.PolicyRead", ask, ACLPolicyResponse, shows_consistency=False)
    return Reply(shown(existing(req, found.Policy, "policy", found)), meta=found)


@route("PUT", "/v1/acl/policy/{id...}")
async def acl_policy_update(req: Request) -> Reply:
    """Replace a policy."""
    require_acls(req)
    options, policy = write_options(req), body_of(req, policy_from, "Policy")
    if policy.ID and req.path["id"] != policy.ID:
        raise BadRequest("Policy ID in URL and payload do not match")
    request = ACLPolicySetRequest(Policy=changed(policy, ID=req.path["id"]), **options)
    return Reply(shown(await req.rpc("ACL.PolicySet", request, ACLPolicy)))


@route("DELETE", "/v1/acl/policy/{id...}")
async def acl_policy_delete(req: Request) -> Reply:
    """Drop a policy; 404 for one that is not there, and for a token that nobody knows."""
    require_acls(req)
    policy_id = path_part(req, "id", "policy ID")
    ask = ACLPolicyDeleteRequest(PolicyID=policy_id, **write_options(req))
    return await deleted(req, "ACL.PolicyDelete", ask, "policy")
