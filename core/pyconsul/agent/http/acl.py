"""``/v1/acl``: bootstrap, replication and templated policies; ``/v1/internal/acl/authorize``."""

from __future__ import annotations

from typing import Any

import msgspec

from pyconsul.acl import Access
from pyconsul.acl.templated import TEMPLATES, Template, synthetic_policy, variables_fault
from pyconsul.agent.http.acl_requests import path_part, require_acls
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.lang.strconv import quote
from pyconsul.primitives.untyped import is_list
from pyconsul.server.blocking import REPLY_WATCH
from pyconsul.server.endpoints.acl import answers
from pyconsul.server.state.acl_tokens import BOOTSTRAP_OVER
from pyconsul.structs import godecode
from pyconsul.structs.acl import (
    ACLAuthorizationRequest,
    ACLAuthorizationResponse,
    ACLInitialTokenBootstrapRequest,
    ACLReplicationStatus,
    ACLTemplatedPolicy,
    ACLToken,
    RemoteACLAuthorizationRequest,
)
from pyconsul.structs.acl_input import question_from, variables_from
from pyconsul.structs.catalog import DCSpecificRequest
from pyconsul.structs.errors import BadRequest, InternalError, PermissionDenied
from pyconsul.structs.lenient import Shape, from_json
from pyconsul.structs.scalar_kinds import STRING
from pyconsul.structs.wire import UNSET

_MOST_QUESTIONS = 64
_BOOTSTRAP = Shape("BootstrapRequest", {"BootstrapSecret": STRING}, package="api")


@route("PUT", "/v1/acl/bootstrap")
async def acl_bootstrap(req: Request) -> Reply:
    """Make the first management token; 403 once that is done, with the index that a reset must name."""
    require_acls(req)
    try:
        given = from_json(_BOOTSTRAP, godecode.parse(req.body)) if req.body else {}
    except ValueError as error:
        raise BadRequest(f"Request decoding failed: {error}") from error
    ask = ACLInitialTokenBootstrapRequest(Datacenter=req.agent.datacenter, **given)
    try:
        token = await req.rpc("ACL.BootstrapTokens", ask, ACLToken)
    except InternalError as error:
        if BOOTSTRAP_OVER in error.text:
            raise PermissionDenied(f"Permission denied: {error.text}") from error
        raise
    fields = msgspec.structs.asdict(token)
    return Reply({"ID": token.SecretID} | {name: value for name, value in fields.items() if value is not UNSET})


@route("GET", "/v1/acl/replication")
async def acl_replication(req: Request) -> Reply:
    """How far this datacenter has copied the primary one's ACLs."""
    require_acls(req)
    ask = DCSpecificRequest(**req.read_options(refuse_enterprise=False))
    return Reply(await req.rpc("ACL.ReplicationStatus", ask, ACLReplicationStatus))


# Templated policies: every agent knows them


def _require_reader(req: Request) -> None:
    req.refuse_enterprise()
    req.agent.server.acl.authorizer(req.token(), REPLY_WATCH.get()).require("acl", Access.READ)


def _shown(template: Template) -> dict[str, Any]:
    return {
        "TemplateName": template.name,
        "Schema": template.schema,
        "Template": template.text,
        "Description": template.description,
    }


@route("GET", "/v1/acl/templated-policies")
async def acl_templated_policies(req: Request) -> Reply:
    """All templates by name."""
    require_acls(req)
    _require_reader(req)
    return Reply({name: _shown(template) for name, template in sorted(TEMPLATES.items())})


@route("GET", "/v1/acl/templated-policy/name/{name...}")
async def acl_templated_policy(req: Request) -> Reply:
    """One template."""
    require_acls(req)
    name = path_part(req, "name", "templated policy Name")
    _require_reader(req)
    template = TEMPLATES.get(name)
    if template is None:
        raise BadRequest(f"Invalid templated policy Name: {name}")
    return Reply(_shown(template))


@route("POST", "/v1/acl/templated-policy/preview/{name...}")
async def acl_templated_policy_preview(req: Request) -> Reply:
    """The policy that a template makes of the variables in the body."""
    require_acls(req)
    name = path_part(req, "name", "templated policy Name")
    _require_reader(req)
    template = TEMPLATES.get(name)
    if template is None:
        raise BadRequest(f"templated policy {quote(name)} does not exist")
    try:
        variables = variables_from(req.body)
    except ValueError as error:
        raise BadRequest(f"Failed to decode request body: {error}") from error
    given = ACLTemplatedPolicy(TemplateID=template.template_id, TemplateName=name, TemplateVariables=variables)
    if fault := variables_fault(given):
        raise BadRequest(f"validation error for templated policy: {quote(name)}: {fault}")
    return Reply(synthetic_policy(given))


# What a token may do


@route("POST", "/v1/internal/acl/authorize")
async def acl_authorize(req: Request) -> Reply:
    """Whether the request's token may do things; up to 64 questions at once."""
    require_acls(req)
    questions = _questions(req)
    if not questions:
        return Reply([])
    datacenter, token = req.datacenter(), req.token()
    if datacenter != req.agent.datacenter:
        ask = RemoteACLAuthorizationRequest(Datacenter=datacenter, Token=token, AllowStale=True, Requests=questions)
        return Reply(await req.rpc("ACL.Authorize", ask, list[ACLAuthorizationResponse]))
    authorizer = req.agent.server.acl.authorizer(token)
    try:
        return Reply(answers(authorizer, questions))
    except ValueError as error:
        raise BadRequest(str(error)) from error


def _questions(req: Request) -> list[ACLAuthorizationRequest]:
    """What is asked. Raises BadRequest, for too many without a look at them: anybody may send a body of any size."""
    try:
        value = godecode.parse(req.body)
        if value is None:
            return []
        if not is_list(value):
            raise ValueError(godecode.wrong_value(value, "[]structs.ACLAuthorizationRequest"))
        if len(value) > _MOST_QUESTIONS:
            raise BadRequest(f"Refusing to process more than {_MOST_QUESTIONS} authorizations at once")
        return [question_from(one) for one in value]
    except ValueError as error:
        raise BadRequest(f"Failed to decode request body: {error}") from error
