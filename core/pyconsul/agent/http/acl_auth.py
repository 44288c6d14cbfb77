"""``/v1/acl/auth-method``, ``/v1/acl/binding-rule``, ``/v1/acl/login`` and ``/v1/acl/logout``."""

from __future__ import annotations

from typing import Any, Final

from pyconsul.agent.http.acl_requests import body_of, deleted, existing, path_part, require_acls
from pyconsul.agent.http.discovery import fetch
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.primitives.durations import format_duration
from pyconsul.structs import gojson
from pyconsul.structs.acl import ACLToken
from pyconsul.structs.acl_auth import (
    ACLAuthMethod,
    ACLAuthMethodDeleteRequest,
    ACLAuthMethodGetRequest,
    ACLAuthMethodListRequest,
    ACLAuthMethodListResponse,
    ACLAuthMethodResponse,
    ACLAuthMethodSetRequest,
    ACLBindingRule,
    ACLBindingRuleDeleteRequest,
    ACLBindingRuleGetRequest,
    ACLBindingRuleListRequest,
    ACLBindingRuleListResponse,
    ACLBindingRuleResponse,
    ACLBindingRuleSetRequest,
    ACLLoginRequest,
    ACLLogoutRequest,
)
from pyconsul.structs.acl_input import auth_method_from, binding_rule_from, login_from
from pyconsul.structs.errors import BadRequest, Unauthorized
from pyconsul.structs.wire import changed

_METHOD_NAME: Final = "auth method name"
_RULE_ID: Final = "binding rule ID"


def _shown(method: ACLAuthMethod, *, whole: bool) -> dict[str, Any]:
    """An auth method as the API prints it; lists leave its configuration out."""
    duration = format_duration(method.MaxTokenTTL) if method.MaxTokenTTL else ""
    optional = {
        "DisplayName": method.DisplayName,
        "Description": method.Description,
        "TokenLocality": method.TokenLocality,
    }
    return {
        **({"MaxTokenTTL": duration} if duration else {}),
        "Name": method.Name,
        "Type": method.Type,
        **{name: value for name, value in optional.items() if value},
        **({"Config": gojson.sorted_map(method.Config)} if whole else {}),
        "CreateIndex": method.CreateIndex,
        "ModifyIndex": method.ModifyIndex,
    }


# Auth methods


@route("GET", "/v1/acl/auth-methods")
async def acl_auth_methods(req: Request) -> Reply:
    """All auth methods by name, without their configurations."""
    require_acls(req)
    ask = ACLAuthMethodListRequest(**req.read_options())
    found = await fetch(req, "ACL.AuthMethodList", ask, ACLAuthMethodListResponse, shows_consistency=False)
    return Reply([_shown(method, whole=False) for method in found.AuthMethods or ()], meta=found)


@route("PUT", "/v1/acl/auth-method")
async def acl_auth_method_create(req: Request) -> Reply:
    """Create an auth method, or replace the one of the name in the body."""
    return await _write_method(req, "")


@route("GET", "/v1/acl/auth-method/{name...}")
async def acl_auth_method(req: Request) -> Reply:
    """One auth method."""
    require_acls(req)
    ask = ACLAuthMethodGetRequest(AuthMethodName=path_part(req, "name", _METHOD_NAME), **req.read_options())
    found = await fetch(req, "ACL.AuthMethodRead", ask, ACLAuthMethodResponse, shows_consistency=False)
    return Reply(_shown(existing(req, found.AuthMethod, "auth method", found), whole=True), meta=found)


@route("PUT", "/v1/acl/auth-method/{name...}")
async def acl_auth_method_update(req: Request) -> Reply:
    """Create or replace an auth method."""
    return await _write_method(req, req.path["name"])


@route("DELETE", "/v1/acl/auth-method/{name...}")
async def acl_auth_method_delete(req: Request) -> Reply:
    """Drop an auth method with its rules and tokens; 404 for one that is not there."""
    require_acls(req)
    name = path_part(req, "name", _METHOD_NAME)
    ask = ACLAuthMethodDeleteRequest(AuthMethodName=name, **req.write_options())
    return await deleted(req, "ACL.AuthMethodDelete", ask, "auth method")


async def _write_method(req: Request, name: str) -> Reply:
    require_acls(req)
    options = req.write_options()
    method = body_of(req, auth_method_from, "AuthMethod")
    if name and method.Name not in ("", name):
        raise BadRequest("AuthMethod Name in URL and payload do not match")
    request = ACLAuthMethodSetRequest(AuthMethod=changed(method, Name=name or method.Name), **options)
    return Reply(_shown(await req.rpc("ACL.AuthMethodSet", request, ACLAuthMethod), whole=True))


# Binding rules


@route("GET", "/v1/acl/binding-rules")
async def acl_binding_rules(req: Request) -> Reply:
    """All binding rules, or those of the auth method of ``?authmethod=``."""
    require_acls(req)
    ask = ACLBindingRuleListRequest(**req.read_options(), AuthMethod=req.query.get("authmethod"))
    found = await fetch(req, "ACL.BindingRuleList", ask, ACLBindingRuleListResponse, shows_consistency=False)
    return Reply(found.BindingRules or [], meta=found)


@route("PUT", "/v1/acl/binding-rule")
async def acl_binding_rule_create(req: Request) -> Reply:
    """Create a binding rule."""
    return await _write_rule(req, "")


@route("GET", "/v1/acl/binding-rule/{id...}")
async def acl_binding_rule(req: Request) -> Reply:
    """One binding rule."""
    require_acls(req)
    ask = ACLBindingRuleGetRequest(BindingRuleID=path_part(req, "id", _RULE_ID), **req.read_options())
    found = await fetch(req, "ACL.BindingRuleRead", ask, ACLBindingRuleResponse, shows_consistency=False)
    return Reply(existing(req, found.BindingRule, "binding rule", found), meta=found)


@route("PUT", "/v1/acl/binding-rule/{id...}")
async def acl_binding_rule_update(req: Request) -> Reply:
    """Replace a binding rule."""
    return await _write_rule(req, req.path["id"])


@route("DELETE", "/v1/acl/binding-rule/{id...}")
async def acl_binding_rule_delete(req: Request) -> Reply:
    """Drop a binding rule; 404 for one that is not there."""
    require_acls(req)
    ask = ACLBindingRuleDeleteRequest(BindingRuleID=path_part(req, "id", _RULE_ID), **req.write_options())
    return await deleted(req, "ACL.BindingRuleDelete", ask, "binding rule")


async def _write_rule(req: Request, rule_id: str) -> Reply:
    require_acls(req)
    options = req.write_options()
    rule = body_of(req, binding_rule_from, "BindingRule")
    if rule.ID not in ("", rule_id):
        raise BadRequest("BindingRule ID in URL and payload do not match")
    request = ACLBindingRuleSetRequest(BindingRule=changed(rule, ID=rule_id), **options)
    return Reply(await req.rpc("ACL.BindingRuleSet", request, ACLBindingRule))


# Login and logout


@route("POST", "/v1/acl/login")
async def acl_login(req: Request) -> Reply:
    """Exchange a bearer token for an ACL token. A token that the request carries means nothing here."""
    require_acls(req)
    req.refuse_enterprise()
    try:
        given = login_from(req.body)
    except ValueError as error:
        raise BadRequest(f"Failed to decode request body: {error}") from error
    return Reply(await req.rpc("ACL.Login", ACLLoginRequest(Datacenter=req.datacenter(), Auth=given), ACLToken))


@route("POST", "/v1/acl/logout")
async def acl_logout(req: Request) -> Reply:
    """End the token of a login, which the request carries."""
    require_acls(req)
    token = req.token()
    if not token:
        raise Unauthorized("Supplied token does not exist")
    return Reply(await req.rpc("ACL.Logout", ACLLogoutRequest(Datacenter=req.datacenter(), Token=token), bool))
