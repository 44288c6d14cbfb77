"""Tokens, policies and roles, and what the log and the RPC say about them.

Fields stand in the order in which the HTTP API prints them. Logins are in ``acl_auth.py``.
"""

from datetime import datetime
from typing import ClassVar, TypeAlias

from pyconsul.structs.gotime import moment_of
from pyconsul.structs.wire import (
    UNSET,
    ZERO_TIME,
    GoTime,
    Indexed,
    OmitInt,
    OmitStr,
    ReadRequest,
    UnsetType,
    WireStruct,
    WriteRequest,
)

ANONYMOUS_ACCESSOR = "00000000-0000-0000-0000-000000000002"
ANONYMOUS_SECRET = "anonymous"
HIDDEN_SECRET = "<hidden>"  # what those see who may read ACLs but not write them
RESERVED_PREFIX = "00000000-0000-0000-0000-0000000000"


class ACLLink(WireStruct, frozen=True, kw_only=True):
    """A policy or role that a token or role is given.

    The ID counts, the name is filled in when it is shown.
    """

    ID: str = ""
    Name: str = ""


class ACLServiceIdentity(WireStruct, frozen=True, kw_only=True):
    """The rights of one service and its sidecar, in all datacenters or those named."""

    ServiceName: str = ""
    Datacenters: list[str] | UnsetType | None = UNSET


class ACLNodeIdentity(WireStruct, frozen=True, kw_only=True):
    """The rights of one agent in its datacenter."""

    NodeName: str = ""
    Datacenter: str = ""


class ACLTemplatedPolicyVariables(WireStruct, frozen=True, kw_only=True):
    """What is filled into a templated policy."""

    go_names: ClassVar[dict[str, str]] = {"name": "Name"}

    name: OmitStr = UNSET


class ACLTemplatedPolicy(WireStruct, frozen=True, kw_only=True):
    """A builtin policy with variables, in all datacenters or those named."""

    TemplateID: OmitStr = UNSET
    TemplateName: OmitStr = UNSET
    TemplateVariables: ACLTemplatedPolicyVariables | UnsetType | None = UNSET
    Datacenters: list[str] | UnsetType | None = UNSET


class ACLToken(WireStruct, frozen=True, kw_only=True):
    """Who holds ``SecretID`` has the rights of all that the token links to.

    ``ExpirationTTL`` is nanoseconds and only ever asked for, never stored; ``Hash`` is the content hash.
    """

    AccessorID: str = ""
    SecretID: str = ""
    Description: str = ""
    Policies: list[ACLLink] | UnsetType | None = UNSET
    Roles: list[ACLLink] | UnsetType | None = UNSET
    ServiceIdentities: list[ACLServiceIdentity] | UnsetType | None = UNSET
    NodeIdentities: list[ACLNodeIdentity] | UnsetType | None = UNSET
    TemplatedPolicies: list[ACLTemplatedPolicy] | UnsetType | None = UNSET
    Local: bool = False
    AuthMethod: OmitStr = UNSET
    ExpirationTime: GoTime | UnsetType | None = UNSET
    ExpirationTTL: OmitInt = UNSET
    CreateTime: GoTime = ZERO_TIME
    Hash: bytes | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0


def expiration_of(token: ACLToken) -> datetime | None:
    """When a token's time is over; None for one that lasts. Go's zero time counts as none."""
    text = token.ExpirationTime
    return moment_of(text) if text and text != ZERO_TIME else None


class ACLPolicy(WireStruct, frozen=True, kw_only=True):
    """Rules in HCL or JSON, in all datacenters or those named."""

    ID: str = ""
    Name: str = ""
    Description: str = ""
    Rules: str = ""
    Datacenters: list[str] | UnsetType | None = UNSET
    Hash: bytes | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0


class ACLRole(WireStruct, frozen=True, kw_only=True):
    """Policies and identities under one name."""

    ID: str = ""
    Name: str = ""
    Description: str = ""
    Policies: list[ACLLink] | UnsetType | None = UNSET
    ServiceIdentities: list[ACLServiceIdentity] | UnsetType | None = UNSET
    NodeIdentities: list[ACLNodeIdentity] | UnsetType | None = UNSET
    TemplatedPolicies: list[ACLTemplatedPolicy] | UnsetType | None = UNSET
    Hash: bytes | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0


# Log entries


class ACLTokenBatchSetRequest(WireStruct, frozen=True, kw_only=True):
    """Tokens to store. ``CAS``: only those whose ModifyIndex still holds."""

    Tokens: list[ACLToken] | None = None
    CAS: bool = False
    AllowMissingLinks: bool = False
    ProhibitUnprivileged: bool = False
    FromReplication: bool = False


class ACLTokenBatchDeleteRequest(WireStruct, frozen=True, kw_only=True):
    """Accessor IDs of tokens to delete."""

    TokenIDs: list[str] | None = None


class ACLTokenBootstrapRequest(WireStruct, frozen=True, kw_only=True):
    """The first management token; ``ResetIndex`` must be that of the last bootstrap for another one."""

    Token: ACLToken = ACLToken()
    ResetIndex: int = 0


class ACLPolicyBatchSetRequest(WireStruct, frozen=True, kw_only=True):
    """Policies to store."""

    Policies: list[ACLPolicy] | None = None


class ACLPolicyBatchDeleteRequest(WireStruct, frozen=True, kw_only=True):
    """IDs of policies to delete."""

    PolicyIDs: list[str] | None = None


class ACLRoleBatchSetRequest(WireStruct, frozen=True, kw_only=True):
    """Roles to store."""

    Roles: list[ACLRole] | None = None
    AllowMissingLinks: bool = False


class ACLRoleBatchDeleteRequest(WireStruct, frozen=True, kw_only=True):
    """IDs of roles to delete."""

    RoleIDs: list[str] | None = None


# Requests and replies


_Token: TypeAlias = ACLToken  # the field of that name below hides the class


class ACLTokenSetRequest(WriteRequest, frozen=True, kw_only=True):
    """``Create`` says that the token must be new although it may name its own accessor ID."""

    ACLToken: _Token = _Token()
    Create: bool = False


class ACLTokenGetRequest(ReadRequest, frozen=True, kw_only=True):
    """``TokenIDType``: accessor, or secret for the caller's own token."""

    TokenID: str = ""
    TokenIDType: str = "accessor"
    Expanded: bool = False


class ACLTokenDeleteRequest(WriteRequest, frozen=True, kw_only=True):
    """Delete the token with this accessor ID."""

    TokenID: str = ""


class ACLTokenListRequest(ReadRequest, frozen=True, kw_only=True):
    """Which tokens; at most one of the filters in Consul's order counts."""

    IncludeLocal: bool = False
    IncludeGlobal: bool = False
    Policy: str = ""
    Role: str = ""
    AuthMethod: str = ""
    ServiceName: str = ""


class ACLTokenListResponse(Indexed, frozen=True, kw_only=True):
    """Tokens by secret; secrets are hidden where the asker may not write ACLs."""

    Tokens: list[ACLToken] | None = None


class ACLTokenExpanded(ACLToken, frozen=True, kw_only=True):
    """A token with all that it grants, its roles' and identities' policies too."""

    ExpandedPolicies: list[ACLPolicy] | None = None
    ExpandedRoles: list[ACLRole] | None = None
    NamespaceDefaultPolicyIDs: list[str] | None = None
    NamespaceDefaultRoleIDs: list[str] | None = None
    AgentACLDefaultPolicy: str = ""
    AgentACLDownPolicy: str = ""
    ResolvedByAgent: str = ""


class ACLInitialTokenBootstrapRequest(ReadRequest, frozen=True, kw_only=True):
    """Make the first management token, with this secret if one is given."""

    BootstrapSecret: str = ""


class ACLTokenResponse(Indexed, frozen=True, kw_only=True):
    """One token; the secret is hidden where the asker may not write ACLs."""

    Token: ACLToken | None = None
    Redacted: bool = False
    SourceDatacenter: str = ""
    ExpandedPolicies: list[ACLPolicy] | None = None
    ExpandedRoles: list[ACLRole] | None = None
    NamespaceDefaultPolicyIDs: list[str] | None = None
    NamespaceDefaultRoleIDs: list[str] | None = None
    AgentACLDefaultPolicy: str = ""
    AgentACLDownPolicy: str = ""
    ResolvedByAgent: str = ""


class ACLPolicySetRequest(WriteRequest, frozen=True, kw_only=True):
    """A policy to create (no ID) or update."""

    Policy: ACLPolicy = ACLPolicy()


class ACLPolicyDeleteRequest(WriteRequest, frozen=True, kw_only=True):
    """Delete the policy with this ID."""

    PolicyID: str = ""


class ACLPolicyGetRequest(ReadRequest, frozen=True, kw_only=True):
    """A policy by ID, or by name."""

    PolicyID: str = ""
    PolicyName: str = ""


class ACLPolicyResponse(Indexed, frozen=True, kw_only=True):
    """One policy, or None."""

    Policy: ACLPolicy | None = None


class ACLPolicyListStub(WireStruct, frozen=True, kw_only=True):
    """A policy in a list: without its rules."""

    ID: str = ""
    Name: str = ""
    Description: str = ""
    Datacenters: list[str] | None = None
    Hash: bytes | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0


class ACLPolicyListResponse(Indexed, frozen=True, kw_only=True):
    """Policies by name."""

    Policies: list[ACLPolicyListStub] | None = None


class ACLPolicyBatchGetRequest(ReadRequest, frozen=True, kw_only=True):
    """Some of the policies that the asker's own token has."""

    PolicyIDs: list[str] | None = None


class ACLPolicyBatchResponse(Indexed, frozen=True, kw_only=True):
    """Policies in the order in which they were asked for."""

    Policies: list[ACLPolicy] | None = None


class ACLRoleBatchGetRequest(ReadRequest, frozen=True, kw_only=True):
    """Some of the roles that the asker's own token has."""

    RoleIDs: list[str] | None = None


class ACLRoleBatchResponse(Indexed, frozen=True, kw_only=True):
    """Roles in the order in which they were asked for."""

    Roles: list[ACLRole] | None = None


class ACLRoleSetRequest(WriteRequest, frozen=True, kw_only=True):
    """A role to create (no ID) or update."""

    Role: ACLRole = ACLRole()


class ACLRoleDeleteRequest(WriteRequest, frozen=True, kw_only=True):
    """Delete the role with this ID."""

    RoleID: str = ""


class ACLRoleGetRequest(ReadRequest, frozen=True, kw_only=True):
    """A role by ID, or by name."""

    RoleID: str = ""
    RoleName: str = ""


class ACLRoleListRequest(ReadRequest, frozen=True, kw_only=True):
    """All roles, or those with a policy."""

    Policy: str = ""


class ACLRoleResponse(Indexed, frozen=True, kw_only=True):
    """One role, or None."""

    Role: ACLRole | None = None


class ACLRoleListResponse(Indexed, frozen=True, kw_only=True):
    """Roles by ID."""

    Roles: list[ACLRole] | None = None


class ACLReplicationStatus(WireStruct, frozen=True, kw_only=True):
    """How far a secondary datacenter has copied ACLs; of a primary one, all zeros."""

    Enabled: bool = False
    Running: bool = False
    SourceDatacenter: str = ""
    ReplicationType: str = ""
    ReplicatedIndex: int = 0
    ReplicatedRoleIndex: int = 0
    ReplicatedTokenIndex: int = 0
    LastSuccess: GoTime = ZERO_TIME
    LastError: GoTime = ZERO_TIME
    LastErrorMessage: str = ""


class ACLAuthorizationRequest(WireStruct, frozen=True, kw_only=True):
    """May the asker have this access to this segment of a resource?"""

    Resource: str = ""
    Segment: OmitStr = UNSET
    Access: str = ""


class ACLAuthorizationResponse(ACLAuthorizationRequest, frozen=True, kw_only=True):
    """The question and its answer."""

    Allow: bool = False


class RemoteACLAuthorizationRequest(ReadRequest, frozen=True, kw_only=True):
    """Several questions at once."""

    Requests: list[ACLAuthorizationRequest] | None = None
