"""``/v1/acl/role`` and ``/v1/acl/roles``."""

from __future__ import annotations

from pyconsul.agent.http.acl_requests import body_of, deleted, existing, path_part, require_acls, write_options
from pyconsul.agent.http.discovery import fetch
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.structs.acl import (
    ACLRole,
    ACLRoleDeleteRequest,
    ACLRoleGetRequest,
    ACLRoleListRequest,
    ACLRoleListResponse,
    ACLRoleResponse,
    ACLRoleSetRequest,
)
from pyconsul.structs.acl_input import role_from
from pyconsul.structs.errors import BadRequest
from pyconsul.structs.wire import changed


@route("GET", "/v1/acl/roles")
async def acl_roles(req: Request) -> Reply:
    """All roles by name, or those with the policy of ``?policy=``."""
    require_acls(req)
    ask = ACLRoleListRequest(**req.read_options(), Policy=req.query.get("policy"))
    found = await fetch(req, "ACL.RoleList", ask, ACLRoleListResponse, shows_consistency=False)
    return Reply(found.Roles or [], meta=found)


@route("PUT", "/v1/acl/role")
async def acl_role_create(req: Request) -> Reply:
    """Create a role."""
    return await _write(req, "")


async def _write(req: Request, role_id: str) -> Reply:
    require_acls(req)
    options = write_options(req)
    role = body_of(req, role_from, "Role")
    if role.ID and role_id != role.ID:
        raise BadRequest("Role ID in URL and payload do not match")
    request = ACLRoleSetRequest(Role=changed(role, ID=role_id), **options)
    return Reply(await req.rpc("ACL.RoleSet", request, ACLRole))


@route("GET", "/v1/acl/role/name/{name...}")
async def acl_role_by_name(req: Request) -> Reply:
    """One role."""
    require_acls(req)
    name = path_part(req, "name", "role Name")
    return await _read(req, ACLRoleGetRequest(RoleName=name, **req.read_options()))


@route("GET", "/v1/acl/role/{id...}")
async def acl_role(req: Request) -> Reply:
    """One role."""
    require_acls(req)
    return await _read(req, ACLRoleGetRequest(RoleID=path_part(req, "id", "role ID"), **req.read_options()))


async def _read(req: Request, ask: ACLRoleGetRequest) -> Reply:
    found = await fetch(req, "ACL.RoleRead", ask, ACLRoleResponse, shows_consistency=False)
    return Reply(existing(req, found.Role, "role", found), meta=found)


@route("PUT", "/v1/acl/role/{id...}")
async def acl_role_update(req: Request) -> Reply:
    """Replace a role."""
    return await _write(req, req.path["id"])


@route("DELETE", "/v1/acl/role/{id...}")
async def acl_role_delete(req: Request) -> Reply:
    """Drop a role; 404 for one that is not there, and for a token that nobody knows."""
    require_acls(req)
    role_id = path_part(req, "id", "role ID")
    ask = ACLRoleDeleteRequest(RoleID=role_id, **write_options(req))
    return await deleted(req, "ACL.RoleDelete", ask, "role")
