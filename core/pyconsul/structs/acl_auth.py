"""Auth methods, binding rules and logins, and what the log and the RPC say about them.

Fields stand in the order in which the HTTP API prints them.
"""

from typing import Any

from pyconsul.structs.acl import ACLTemplatedPolicyVariables
from pyconsul.structs.wire import UNSET, Indexed, OmitInt, OmitStr, ReadRequest, UnsetType, WireStruct, WriteRequest


class ACLBindingRule(WireStruct, frozen=True, kw_only=True):
    """What a login through ``AuthMethod`` is given where ``Selector`` holds; an empty one always does."""

    ID: str = ""
    Description: str = ""
    AuthMethod: str = ""
    Selector: str = ""
    BindType: str = ""
    BindName: str = ""
    BindVars: ACLTemplatedPolicyVariables | UnsetType | None = UNSET
    CreateIndex: int = 0
    ModifyIndex: int = 0


class ACLAuthMethod(WireStruct, frozen=True, kw_only=True):
    """A foreign issuer of identities.

    ``MaxTokenTTL`` is nanoseconds here and duration text in the HTTP API.
    """

    Name: str = ""
    Type: str = ""
    DisplayName: OmitStr = UNSET
    Description: OmitStr = UNSET
    MaxTokenTTL: OmitInt = UNSET
    TokenLocality: OmitStr = UNSET
    Config: dict[str, Any] | None = None
    CreateIndex: int = 0
    ModifyIndex: int = 0


# Log entries


class ACLBindingRuleBatchSetRequest(WireStruct, frozen=True, kw_only=True):
    """Binding rules to store."""

    BindingRules: list[ACLBindingRule] | None = None


class ACLBindingRuleBatchDeleteRequest(WireStruct, frozen=True, kw_only=True):
    """IDs of binding rules to delete."""

    BindingRuleIDs: list[str] | None = None


class ACLAuthMethodBatchSetRequest(WireStruct, frozen=True, kw_only=True):
    """Auth methods to store."""

    AuthMethods: list[ACLAuthMethod] | None = None


class ACLAuthMethodBatchDeleteRequest(WireStruct, frozen=True, kw_only=True):
    """Names of auth methods to delete; their tokens and binding rules go with them."""

    AuthMethodNames: list[str] | None = None


# Requests and replies


class ACLAuthMethodSetRequest(WriteRequest, frozen=True, kw_only=True):
    """An auth method to create, or to replace the one of its name."""

    AuthMethod: ACLAuthMethod = ACLAuthMethod()


class ACLAuthMethodDeleteRequest(WriteRequest, frozen=True, kw_only=True):
    """Delete the auth method of this name."""

    AuthMethodName: str = ""


class ACLAuthMethodGetRequest(ReadRequest, frozen=True, kw_only=True):
    """An auth method by name."""

    AuthMethodName: str = ""


class ACLAuthMethodListRequest(ReadRequest, frozen=True, kw_only=True):
    """All auth methods."""


class ACLAuthMethodResponse(Indexed, frozen=True, kw_only=True):
    """One auth method, or None."""

    AuthMethod: ACLAuthMethod | None = None


class ACLAuthMethodListResponse(Indexed, frozen=True, kw_only=True):
    """Auth methods by name."""

    AuthMethods: list[ACLAuthMethod] | None = None


class ACLBindingRuleSetRequest(WriteRequest, frozen=True, kw_only=True):
    """A binding rule to create (no ID) or update."""

    BindingRule: ACLBindingRule = ACLBindingRule()


class ACLBindingRuleDeleteRequest(WriteRequest, frozen=True, kw_only=True):
    """Delete the binding rule with this ID."""

    BindingRuleID: str = ""


class ACLBindingRuleGetRequest(ReadRequest, frozen=True, kw_only=True):
    """A binding rule by ID."""

    BindingRuleID: str = ""


class ACLBindingRuleListRequest(ReadRequest, frozen=True, kw_only=True):
    """All binding rules, or those of one auth method."""

    AuthMethod: str = ""


class ACLBindingRuleResponse(Indexed, frozen=True, kw_only=True):
    """One binding rule, or None."""

    BindingRule: ACLBindingRule | None = None


class ACLBindingRuleListResponse(Indexed, frozen=True, kw_only=True):
    """Binding rules by ID."""

    BindingRules: list[ACLBindingRule] | None = None


class ACLLoginParams(WireStruct, frozen=True, kw_only=True):
    """What a login brings: a bearer token to be checked, and meta for the new token's description."""

    AuthMethod: str = ""
    BearerToken: str = ""
    Meta: dict[str, str] | None = None


class ACLLoginRequest(WriteRequest, frozen=True, kw_only=True):
    """A login; it carries no token of its own."""

    Auth: ACLLoginParams | None = None


class ACLLogoutRequest(WriteRequest, frozen=True, kw_only=True):
    """End the token that the request carries."""
