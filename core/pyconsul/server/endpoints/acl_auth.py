"""RPC methods of auth methods and binding rules, login and logout."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from pyconsul.acl.binding import Binder, BindingError, rule_fault, selector_fault
from pyconsul.acl.methods.protocol import MethodError, Validator
from pyconsul.acl.names import is_auth_method_name
from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store, WatchSet
from pyconsul.primitives.durations import format_duration
from pyconsul.primitives.ids import uuid_fault
from pyconsul.server.auth_methods import known_types, open_validator
from pyconsul.server.blame import blamed
from pyconsul.server.endpoints.acl import acl_reader, require_acl_writer, require_acls
from pyconsul.server.endpoints.acl_policies import unused_id
from pyconsul.server.endpoints.acl_token_writer import MIN_TTL, create_token
from pyconsul.server.registry import rpc
from pyconsul.server.state import acl_auth as state
from pyconsul.server.state.acl import auth_method_named, policy_named, role_named, token_with_secret
from pyconsul.structs import gojson
from pyconsul.structs.acl import ACLToken, ACLTokenBatchDeleteRequest
from pyconsul.structs.acl_auth import (
    ACLAuthMethod,
    ACLAuthMethodBatchDeleteRequest,
    ACLAuthMethodBatchSetRequest,
    ACLAuthMethodDeleteRequest,
    ACLAuthMethodGetRequest,
    ACLAuthMethodListRequest,
    ACLAuthMethodListResponse,
    ACLAuthMethodResponse,
    ACLAuthMethodSetRequest,
    ACLBindingRule,
    ACLBindingRuleBatchDeleteRequest,
    ACLBindingRuleBatchSetRequest,
    ACLBindingRuleDeleteRequest,
    ACLBindingRuleGetRequest,
    ACLBindingRuleListRequest,
    ACLBindingRuleListResponse,
    ACLBindingRuleResponse,
    ACLBindingRuleSetRequest,
    ACLLoginRequest,
    ACLLogoutRequest,
)
from pyconsul.structs.errors import AclNotFound, InternalError, PermissionDenied
from pyconsul.structs.messages import MessageType
from pyconsul.structs.wire import changed, omit

if TYPE_CHECKING:
    from pyconsul.server.server import Server

_LOGIN_DESCRIPTION: Final = "token created via login"
_USELESS: Final = "Token has no privileges"


# Auth methods


@rpc("ACL.AuthMethodRead")
async def read_auth_method(srv: Server, ask: ACLAuthMethodGetRequest) -> ACLAuthMethodResponse:
    """An auth method by name, or null."""

    def read(db: Store, ws: WatchSet) -> ACLAuthMethodResponse:
        acl_reader(srv, ask.Token, ws)
        found = auth_method_named(db, ask.AuthMethodName, ws)
        return ACLAuthMethodResponse(Index=state.auth_methods_index(db, ws), AuthMethod=found)

    return await srv.read(
        ask, read, found=lambda reply: reply.AuthMethod is not None, content=lambda reply: reply.AuthMethod
    )


@rpc("ACL.AuthMethodList")
async def list_auth_methods(srv: Server, ask: ACLAuthMethodListRequest) -> ACLAuthMethodListResponse:
    """All auth methods by name; null when there are none."""

    def read(db: Store, ws: WatchSet) -> ACLAuthMethodListResponse:
        acl_reader(srv, ask.Token, ws)
        found = state.all_auth_methods(db, ws)
        return ACLAuthMethodListResponse(Index=state.auth_methods_index(db, ws), AuthMethods=found or None)

    return await srv.read(ask, read)


@rpc("ACL.AuthMethodSet")
async def set_auth_method(srv: Server, req: ACLAuthMethodSetRequest) -> ACLAuthMethod:
    """Create an auth method, or replace the one of its name. Raises InternalError."""
    require_acl_writer(srv, req.Token)
    method = _with_type(srv.db, req.AuthMethod)
    _refuse_bad_method(method)
    try:
        await open_validator(method).check()
    except MethodError as error:
        raise InternalError(f"Invalid Auth Method: {error}") from None
    with blamed("Failed to apply auth method upsert request"):
        await srv.propose(MessageType.ACL_AUTH_METHOD_SET, ACLAuthMethodBatchSetRequest(AuthMethods=[method]))
    return auth_method_named(srv.db, method.Name) or ACLAuthMethod()


def _with_type(db: Store, method: ACLAuthMethod) -> ACLAuthMethod:
    """The auth method with the type that it has had, if it names none. Raises InternalError for another one."""
    if not method.Name:
        raise InternalError("Invalid Auth Method: no Name is set")
    if not is_auth_method_name(method.Name):
        raise InternalError("Invalid Auth Method: invalid Name. Only alphanumeric characters, '-' and '_' are allowed")
    known = auth_method_named(db, method.Name)
    if known is not None and method.Type not in ("", known.Type):
        raise InternalError("the Type field of an Auth Method is immutable")
    return method if known is None else changed(method, Type=known.Type)


def _refuse_bad_method(method: ACLAuthMethod) -> None:
    if method.Type not in known_types():
        raise InternalError(f"Invalid Auth Method: Type should be one of: [{' '.join(known_types())}]")
    ttl = method.MaxTokenTTL or 0
    if ttl and ttl < MIN_TTL:
        raise InternalError(f"MaxTokenTTL {format_duration(ttl)} cannot be less than {format_duration(MIN_TTL)}")
    if (method.TokenLocality or "") not in ("", "local", "global"):
        raise InternalError("Invalid Auth Method: TokenLocality should be one of 'local' or 'global'")


@rpc("ACL.AuthMethodDelete")
async def delete_auth_method(srv: Server, req: ACLAuthMethodDeleteRequest) -> bool:
    """Drop an auth method, its rules and the tokens of its logins. Raises AclNotFound where there is none."""
    require_acl_writer(srv, req.Token)
    if auth_method_named(srv.db, req.AuthMethodName) is None:
        raise AclNotFound(f"auth method does not exist: {AclNotFound.default_text}")
    request = ACLAuthMethodBatchDeleteRequest(AuthMethodNames=[req.AuthMethodName])
    with blamed("Failed to apply auth method delete request"):
        await srv.propose(MessageType.ACL_AUTH_METHOD_DELETE, request)
    srv.auth_methods.forget(req.AuthMethodName)
    return True


# Binding rules


@rpc("ACL.BindingRuleRead")
async def read_binding_rule(srv: Server, ask: ACLBindingRuleGetRequest) -> ACLBindingRuleResponse:
    """A binding rule by ID, or null."""

    def read(db: Store, ws: WatchSet) -> ACLBindingRuleResponse:
        acl_reader(srv, ask.Token, ws)
        found = state.binding_rule_with_id(db, ask.BindingRuleID, ws)
        return ACLBindingRuleResponse(Index=state.binding_rules_index(db, ws), BindingRule=found)

    return await srv.read(
        ask, read, found=lambda reply: reply.BindingRule is not None, content=lambda reply: reply.BindingRule
    )


@rpc("ACL.BindingRuleList")
async def list_binding_rules(srv: Server, ask: ACLBindingRuleListRequest) -> ACLBindingRuleListResponse:
    """All binding rules, or those of an auth method; null when there are none."""

    def read(db: Store, ws: WatchSet) -> ACLBindingRuleListResponse:
        acl_reader(srv, ask.Token, ws)
        found = state.binding_rules(db, ask.AuthMethod, ws)
        return ACLBindingRuleListResponse(Index=state.binding_rules_index(db, ws), BindingRules=found or None)

    return await srv.read(ask, read, content=lambda reply: reply.BindingRules)


@rpc("ACL.BindingRuleSet")
async def set_binding_rule(srv: Server, req: ACLBindingRuleSetRequest) -> ACLBindingRule:
    """Create a binding rule, or replace the one with this ID. Raises InternalError."""
    require_acl_writer(srv, req.Token)
    rule = _identified(srv.db, req.BindingRule)
    if not rule.AuthMethod:
        raise InternalError("Invalid Binding Rule: no AuthMethod is set")
    method = auth_method_named(srv.db, rule.AuthMethod)
    if method is None:
        raise InternalError(f"cannot find auth method with name {quote(rule.AuthMethod)}")
    _refuse_bad_rule(rule, _validator(srv, method))
    with blamed("Failed to apply binding rule upsert request"):
        await srv.propose(MessageType.ACL_BINDING_RULE_SET, ACLBindingRuleBatchSetRequest(BindingRules=[rule]))
    return state.binding_rule_with_id(srv.db, rule.ID) or ACLBindingRule()


def _identified(db: Store, rule: ACLBindingRule) -> ACLBindingRule:
    """The rule with a new ID, or with the auth method that the one of its ID has. Raises InternalError."""
    if not rule.ID:
        return changed(rule, ID=unused_id(db, state.binding_rule_with_id))
    if uuid_fault(rule.ID):
        raise InternalError("Binding Rule ID invalid UUID")
    known = state.binding_rule_with_id(db, rule.ID)
    if known is None:
        raise InternalError(f"cannot find binding rule {rule.ID}")
    if rule.AuthMethod not in ("", known.AuthMethod):
        raise InternalError("the AuthMethod field of an Binding Rule is immutable")
    return changed(rule, AuthMethod=known.AuthMethod)


def _refuse_bad_rule(rule: ACLBindingRule, validator: Validator) -> None:
    blank = validator.blank()
    if rule.Selector and (fault := selector_fault(rule.Selector, blank)):
        raise InternalError(f"invalid Binding Rule: Selector is invalid: {fault}")
    if not rule.BindType:
        raise InternalError("Invalid Binding Rule: no BindType is set")
    if not rule.BindName:
        raise InternalError("Invalid Binding Rule: no BindName is set")
    if rule.BindVars and rule.BindType != "templated-policy":
        raise InternalError("invalid Binding Rule: BindVars cannot be set when bind type is not templated-policy.")
    if fault := rule_fault(rule, blank.variables):
        raise InternalError(f"Invalid Binding Rule: invalid BindName or BindVars: {fault}")


@rpc("ACL.BindingRuleDelete")
async def delete_binding_rule(srv: Server, req: ACLBindingRuleDeleteRequest) -> bool:
    """Drop a binding rule. Raises AclNotFound where there is none."""
    require_acl_writer(srv, req.Token)
    if state.binding_rule_with_id(srv.db, req.BindingRuleID) is None:
        raise AclNotFound(f"binding rule does not exist: {AclNotFound.default_text}")
    request = ACLBindingRuleBatchDeleteRequest(BindingRuleIDs=[req.BindingRuleID])
    with blamed("Failed to apply binding rule delete request"):
        await srv.propose(MessageType.ACL_BINDING_RULE_DELETE, request)
    return True


# Login and logout


@rpc("ACL.Login")
async def login(srv: Server, req: ACLLoginRequest) -> ACLToken:
    """A token for whoever an auth method vouches for.

    Raises AclNotFound for an unknown method, InternalError for a bearer token that proves nothing, PermissionDenied
    for an identity that no binding rule gives anything.
    """
    require_acls(srv)
    if req.Auth is None:
        raise InternalError("Invalid Login request: Missing auth parameters")
    if req.Token:
        raise InternalError("do not provide a token when logging in")
    method = auth_method_named(srv.db, req.Auth.AuthMethod)
    if method is None:
        raise AclNotFound(f"{AclNotFound.default_text}: auth method {quote(req.Auth.AuthMethod)} not found")
    try:
        identity = await _validator(srv, method).identity(req.Auth.BearerToken, time.time())
        bindings = _binder(srv).bind(state.binding_rules(srv.db, method.Name), identity)
    except (MethodError, BindingError) as error:
        raise InternalError(str(error)) from None
    if not bindings:
        raise PermissionDenied
    token = ACLToken(
        Description=_description(req.Auth.Meta),
        Local=method.TokenLocality != "global",  # by default a login counts where it was made
        AuthMethod=method.Name,
        ExpirationTTL=method.MaxTokenTTL,
        Policies=omit(bindings.policies),
        Roles=omit(bindings.roles),
        ServiceIdentities=omit(bindings.services),
        NodeIdentities=omit(bindings.nodes),
        TemplatedPolicies=omit(bindings.templated),
    )
    return await _created(srv, token)


def _validator(srv: Server, method: ACLAuthMethod) -> Validator:
    try:
        return srv.auth_methods.validator(method)
    except MethodError as error:
        raise InternalError(str(error)) from None


def _binder(srv: Server) -> Binder:
    db = srv.db
    return Binder(srv.config.datacenter, lambda name: policy_named(db, name), lambda name: role_named(db, name))


def _description(meta: dict[str, str] | None) -> str:
    if not meta:
        return _LOGIN_DESCRIPTION
    return f"{_LOGIN_DESCRIPTION}: {gojson.encode(dict(sorted(meta.items()))).decode()}"


async def _created(srv: Server, token: ACLToken) -> ACLToken:
    """The token of a login, written. What it links to may have gone meanwhile: then it is refused as if never bound."""
    try:
        return await create_token(srv, token, from_login=True)
    except InternalError as error:
        if _USELESS in error.text:
            raise PermissionDenied from None
        raise


@rpc("ACL.Logout")
async def logout(srv: Server, req: ACLLogoutRequest) -> bool:
    """End the token of a login. Raises AclNotFound for an unknown one, PermissionDenied for one of another origin."""
    require_acls(srv)
    token = token_with_secret(srv.db, req.Token) if req.Token else None
    if token is None:
        raise AclNotFound if req.Token else AclNotFound(f"no valid token ID provided: {AclNotFound.default_text}")
    if not token.AuthMethod:
        raise PermissionDenied("Permission denied: token wasn't created via login")
    with blamed("Failed to apply token delete request"):
        await srv.propose(MessageType.ACL_TOKEN_DELETE, ACLTokenBatchDeleteRequest(TokenIDs=[token.AccessorID]))
    return True
