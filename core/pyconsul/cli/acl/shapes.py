"""ACL objects as Consul's own client library shapes them: its order of fields is what ``-format=json`` prints.

A field that is UNSET by default is left out where it is empty (``sdk.results.plain``).
"""

from __future__ import annotations

from typing import TypeAlias, TypeVar

from msgspec import UNSET, UnsetType

from pyconsul.cli.output import sorted_maps
from pyconsul.sdk.results import Json, Result
from pyconsul.structs.godecode import into
from pyconsul.structs.wire import ZERO_TIME, OmitStr

Names: TypeAlias = list[str] | UnsetType | None
R = TypeVar("R", bound=Result)


class Link(Result, frozen=True, kw_only=True):
    """A policy or role that is linked to."""

    ID: str = ""
    Name: str = ""


class ServiceIdentity(Result, frozen=True, kw_only=True):
    """The rights of a service."""

    ServiceName: str = ""
    Datacenters: Names = UNSET


class NodeIdentity(Result, frozen=True, kw_only=True):
    """The rights of a node's agent."""

    NodeName: str = ""
    Datacenter: str = ""


class Variables(Result, frozen=True, kw_only=True):
    """What is filled into a templated policy."""

    Name: str = ""


class TemplatedPolicy(Result, frozen=True, kw_only=True):
    """A templated policy with its variables."""

    TemplateName: str = ""
    TemplateVariables: Variables | UnsetType | None = UNSET
    Datacenters: Names = UNSET


Links: TypeAlias = list[Link] | UnsetType | None
ServiceIdentities: TypeAlias = list[ServiceIdentity] | UnsetType | None
NodeIdentities: TypeAlias = list[NodeIdentity] | UnsetType | None
TemplatedPolicies: TypeAlias = list[TemplatedPolicy] | UnsetType | None


class Token(Result, frozen=True, kw_only=True):
    """A token; ``Hash`` is left out where there is none."""

    CreateIndex: int = 0
    ModifyIndex: int = 0
    AccessorID: str = ""
    SecretID: str = ""
    Description: str = ""
    Policies: Links = UNSET
    Roles: Links = UNSET
    ServiceIdentities: ServiceIdentities = UNSET
    NodeIdentities: NodeIdentities = UNSET
    TemplatedPolicies: TemplatedPolicies = UNSET
    Local: bool = False
    AuthMethod: OmitStr = UNSET
    ExpirationTime: str | UnsetType | None = UNSET
    CreateTime: str = ZERO_TIME
    Hash: bytes | UnsetType | None = UNSET
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET
    AuthMethodNamespace: OmitStr = UNSET


class TokenEntry(Token, frozen=True, kw_only=True):
    """A token of the list; its ``Hash`` is always printed."""

    Hash: bytes | None = None


class Policy(Result, frozen=True, kw_only=True):
    """A policy with its rules."""

    ID: str = ""
    Name: str = ""
    Description: str = ""
    Rules: str = ""
    Datacenters: list[str] | None = None
    Hash: bytes | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET


class PolicyEntry(Result, frozen=True, kw_only=True):
    """A policy of the list, without its rules."""

    ID: str = ""
    Name: str = ""
    Description: str = ""
    Datacenters: list[str] | None = None
    Hash: bytes | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET


class Role(Result, frozen=True, kw_only=True):
    """A role, in the list too."""

    ID: str = ""
    Name: str = ""
    Description: str = ""
    Policies: Links = UNSET
    ServiceIdentities: ServiceIdentities = UNSET
    NodeIdentities: NodeIdentities = UNSET
    TemplatedPolicies: TemplatedPolicies = UNSET
    Hash: bytes | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET


class ExpandedToken(Result, frozen=True, kw_only=True):
    """What ``?expanded`` adds to a token, before the token's own fields."""

    ExpandedPolicies: list[Policy] | None = None
    ExpandedRoles: list[Role] | None = None
    NamespaceDefaultPolicyIDs: list[str] | None = None
    NamespaceDefaultRoleIDs: list[str] | None = None
    AgentACLDefaultPolicy: str = ""
    AgentACLDownPolicy: str = ""
    ResolvedByAgent: str = ""


class AuthMethod(Result, frozen=True, kw_only=True):
    """An auth method; its own encoder puts ``MaxTokenTTL``, a duration as text, first."""

    MaxTokenTTL: OmitStr = UNSET
    Name: str = ""
    Type: str = ""
    DisplayName: OmitStr = UNSET
    Description: OmitStr = UNSET
    TokenLocality: OmitStr = UNSET
    Config: Json | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET


class AuthMethodEntry(Result, frozen=True, kw_only=True):
    """An auth method of the list, without its configuration."""

    MaxTokenTTL: OmitStr = UNSET
    Name: str = ""
    Type: str = ""
    DisplayName: OmitStr = UNSET
    Description: OmitStr = UNSET
    TokenLocality: OmitStr = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET


class BindingRule(Result, frozen=True, kw_only=True):
    """A binding rule, in the list too."""

    ID: str = ""
    Description: str = ""
    AuthMethod: str = ""
    Selector: str = ""
    BindType: str = ""
    BindName: str = ""
    BindVars: Variables | UnsetType | None = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0
    Namespace: OmitStr = UNSET
    Partition: OmitStr = UNSET


class Template(Result, frozen=True, kw_only=True):
    """A templated policy as Consul brings it along."""

    TemplateName: str = ""
    Schema: str = ""
    Template: str = ""
    Description: str = ""


def read(kind: type[R], found: Json) -> R:
    """An answer in its shape, as Go reads it: null is absent, unknown fields and letter case do not matter."""
    return into(found, kind, strict=False)


def read_auth_method(found: Json) -> AuthMethod:
    """An auth method; the keys of its configuration are in order, as Go prints maps."""
    return read(AuthMethod, {**found, "Config": sorted_maps(found.get("Config"))})


def read_all(kind: type[R], found: list[Json]) -> list[R]:
    """A list of answers in their shape."""
    return [read(kind, one) for one in found]
