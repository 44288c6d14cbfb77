"""RPC methods of ACL roles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.acl.hashing import hash_of_role
from pyconsul.acl.names import is_role_name
from pyconsul.acl.templated import TEMPLATES, variables_fault
from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store, WatchSet
from pyconsul.primitives.ids import uuid_fault
from pyconsul.server.blame import blamed
from pyconsul.server.endpoints.acl import acl_reader, require_acl_writer
from pyconsul.server.endpoints.acl_links import each_template_once, links_by_id, node_identities, service_identities
from pyconsul.server.endpoints.acl_policies import unused_id
from pyconsul.server.registry import rpc
from pyconsul.server.state.acl import policy_named, role_named, role_with_id, with_names
from pyconsul.server.state.acl_roles import all_roles, roles_index
from pyconsul.structs.acl import (
    ACLRole,
    ACLRoleBatchDeleteRequest,
    ACLRoleBatchSetRequest,
    ACLRoleDeleteRequest,
    ACLRoleGetRequest,
    ACLRoleListRequest,
    ACLRoleListResponse,
    ACLRoleResponse,
    ACLRoleSetRequest,
    ACLTemplatedPolicy,
)
from pyconsul.structs.errors import AclNotFound, InternalError
from pyconsul.structs.messages import MessageType
from pyconsul.structs.wire import changed, omit

if TYPE_CHECKING:
    from pyconsul.server.server import Server


@rpc("ACL.RoleRead")
async def read_role(srv: Server, ask: ACLRoleGetRequest) -> ACLRoleResponse:
    """A role by ID, else by name, or null."""

    def read(db: Store, ws: WatchSet) -> ACLRoleResponse:
        acl_reader(srv, ask.Token, ws)
        found = role_with_id(db, ask.RoleID, ws) if ask.RoleID else role_named(db, ask.RoleName, ws)
        return ACLRoleResponse(Index=roles_index(db, ws), Role=None if found is None else with_names(db, found, ws))

    return await srv.read(ask, read, found=lambda reply: reply.Role is not None, content=lambda reply: reply.Role)


@rpc("ACL.RoleList")
async def list_roles(srv: Server, ask: ACLRoleListRequest) -> ACLRoleListResponse:
    """All roles by name, or those with a policy."""

    def read(db: Store, ws: WatchSet) -> ACLRoleListResponse:
        acl_reader(srv, ask.Token, ws)
        return ACLRoleListResponse(Index=roles_index(db, ws), Roles=all_roles(db, ask.Policy, ws) or None)

    return await srv.read(ask, read, content=lambda reply: reply.Roles)


@rpc("ACL.RoleSet")
async def set_role(srv: Server, req: ACLRoleSetRequest) -> ACLRole:
    """Create a role, or replace the one with this ID. Raises InternalError."""
    require_acl_writer(srv, req.Token)
    role = req.Role
    if not role.Name:
        raise InternalError("Invalid Role: no Name is set")
    if not is_role_name(role.Name):
        raise InternalError("Invalid Role: invalid Name. Only alphanumeric characters, '-' and '_' are allowed")
    if role.ID:
        _refuse_bad_update(srv.db, role)
    else:
        if role_named(srv.db, role.Name) is not None:
            raise InternalError(f"Invalid Role: A Role with Name {quote(role.Name)} already exists")
        role = changed(role, ID=unused_id(srv.db, role_with_id))
    role = _canonical(srv.db, role)
    with blamed("Failed to apply role upsert request"):
        await srv.propose(MessageType.ACL_ROLE_SET, ACLRoleBatchSetRequest(Roles=[role]))
    stored = role_with_id(srv.db, role.ID)
    return ACLRole() if stored is None else with_names(srv.db, stored)


def _refuse_bad_update(db: Store, role: ACLRole) -> None:
    if uuid_fault(role.ID):
        raise InternalError("Role ID invalid UUID")
    known = role_with_id(db, role.ID)
    if known is None:
        raise InternalError(f"cannot find role {role.ID}")
    if known.Name != role.Name and role_named(db, role.Name) is not None:
        raise InternalError(f"Invalid Role: A role with name {quote(role.Name)} already exists")


def _canonical(db: Store, role: ACLRole) -> ACLRole:
    """The role as it is written, with its hash. Raises InternalError."""
    role = changed(
        role,
        Policies=links_by_id(db, role.Policies, "policy", policy_named, None),
        ServiceIdentities=service_identities(role.ServiceIdentities, "role"),
        NodeIdentities=node_identities(role.NodeIdentities, "role"),
        TemplatedPolicies=each_template_once([_templated(one) for one in role.TemplatedPolicies or ()]),
    )
    return changed(role, Hash=hash_of_role(role))


def _templated(given: ACLTemplatedPolicy) -> ACLTemplatedPolicy:
    name = given.TemplateName or ""
    if not name:
        raise InternalError("templated policy is missing the template name field on this role")
    template = TEMPLATES.get(name)
    if template is None:
        raise InternalError(f"templated policy with an invalid templated name: {name} for this role")
    if fault := variables_fault(given):
        raise InternalError(f"encountered role with invalid templated policy: {fault}")
    return changed(given, TemplateID=given.TemplateID or template.template_id, Datacenters=omit(given.Datacenters))


@rpc("ACL.RoleDelete")
async def delete_role(srv: Server, req: ACLRoleDeleteRequest) -> str:
    """Drop a role; answers its name. Raises AclNotFound where there is none."""
    require_acl_writer(srv, req.Token)
    role = role_with_id(srv.db, req.RoleID)
    if role is None:
        raise AclNotFound(f"role does not exist: {AclNotFound.default_text}")
    with blamed("Failed to apply role delete request"):
        await srv.propose(MessageType.ACL_ROLE_DELETE, ACLRoleBatchDeleteRequest(RoleIDs=[req.RoleID]))
    return role.Name
