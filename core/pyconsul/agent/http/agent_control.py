"""``/v1/agent/reload``, ``token`` and ``connect``: what changes the running agent, and its part of the mesh."""

from __future__ import annotations

import re

from pyconsul.acl import Access
from pyconsul.agent.http.later import MESH, missing
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.config.loading import ConfigError
from pyconsul.lang.strconv import quote
from pyconsul.primitives.system_errors import file_text
from pyconsul.structs import godecode
from pyconsul.structs.errors import (
    AclDisabled,
    BadRequest,
    ConnectDisabled,
    ConsulError,
    InternalError,
    NotFound,
)
from pyconsul.structs.lenient import DecodeError, Shape, from_json
from pyconsul.structs.scalar_kinds import OPAQUE, STRING
from pyconsul.telemetry import logger

_log = logger("agent")
_TOKEN = Shape("AgentToken", {"Token": STRING}, package="api")
_AUTHORIZE = Shape(
    "ConnectAuthorizeRequest",
    {"Target": STRING, "ClientCertURI": STRING, "ClientCertSerial": STRING},
    ignored={"EnterpriseMeta": OPAQUE},
)
_SERVICE_URI = re.compile(r"spiffe://[^/]+(/ap/[^/]+)?/ns/[^/]+/dc/[^/]+/svc/[^/]+\Z", re.IGNORECASE)
_MESH_URI = re.compile(
    r"spiffe://[^/]+(((/ap/[^/]+)?/ns/[^/]+/dc/[^/]+/svc/[^/]+)|((/ap/[^/]+)?/agent/client/dc/[^/]+/id/[^/]+)"
    r"|((/ap/[^/]+)?/gateway/mesh/dc/[^/]+)|(/agent/server/dc/[^/]+))?\Z",
    re.IGNORECASE,
)
# Names in the path, old ones too, and the field of ``Tokens`` that they mean.
_TOKEN_NAMES = {
    "default": "default",
    "acl_token": "default",
    "agent": "agent",
    "acl_agent_token": "agent",
    "agent_recovery": "agent_recovery",
    "agent_master": "agent_recovery",
    "acl_agent_master_token": "agent_recovery",
    "replication": "replication",
    "acl_replication_token": "replication",
    "config_file_service_registration": "config_file_service_registration",
    "dns": "dns",
    "dns_token": "dns",
}


@route("PUT", "/v1/agent/reload")
async def agent_reload(req: Request) -> Reply:
    """Read the configuration again, as SIGHUP does."""
    req.require_agent(Access.WRITE)
    agent = req.agent
    try:
        await agent.reload()
    except ConfigError as error:
        raise InternalError(str(error)) from None
    await agent.local_work.sync_changes()
    return Reply.nothing()


@route("PUT", "/v1/agent/token/{name...}")
async def agent_token(req: Request) -> Reply:
    """Set one of the agent's own tokens. A new default or agent token starts a full sync."""
    if not req.agent.config.acl.enabled:
        raise AclDisabled
    req.require_agent(Access.WRITE)
    try:
        given = from_json(_TOKEN, godecode.parse(req.body))
    except (DecodeError, ValueError) as error:
        raise BadRequest(f"Request decode failed: {error}") from None
    name = req.path["name"]
    field = _TOKEN_NAMES.get(name)
    if field is None:
        raise NotFound(f"Token {quote(name)} is unknown")
    tokens = req.agent.tokens
    if tokens.update(field, str(given.get("Token", ""))) and field in ("default", "agent"):
        req.agent.syncer.full_soon()
    try:  # a token that cannot be kept is in use all the same, as in Consul
        await tokens.save()
    except OSError as error:
        _log.warn("failed to persist tokens", error=file_text(error))
        raise InternalError(f"Failed to persist tokens - {file_text(error)}") from None
    _log.info("Updated agent's ACL token", token=name)
    return Reply.nothing()


@route("GET", "/v1/agent/connect/ca/roots")
async def agent_connect_roots(req: Request) -> Reply:
    """The certificate authorities of the mesh."""
    req.read_options()
    raise missing(req.agent.config, MESH)


@route("GET", "/v1/agent/connect/ca/leaf/{service...}")
async def agent_connect_leaf(req: Request) -> Reply:
    """A certificate for a service."""
    req.refuse_enterprise()
    req.read_options()
    if not req.path["service"]:
        raise InternalError("URI must be either service, agent, server, or kind")
    raise missing(req.agent.config, MESH)


@route("POST", "/v1/agent/connect/authorize")
async def agent_connect_authorize(req: Request) -> Reply:
    """Whether a client certificate may speak to a service. Answers a question that is wrong in itself already."""
    req.refuse_enterprise()
    try:
        ask = from_json(_AUTHORIZE, godecode.parse(req.body))
    except (DecodeError, ValueError) as error:
        raise BadRequest(f"Request decode failed: {error}") from None
    if not ask.get("Target"):
        raise BadRequest("Target service must be specified")
    uri = str(ask.get("ClientCertURI", ""))
    if not _MESH_URI.match(uri):
        raise BadRequest("ClientCertURI not a valid Connect identifier")
    if not _SERVICE_URI.match(uri):
        raise BadRequest("ClientCertURI not a valid Service identifier")
    _require_target(req, str(ask["Target"]))
    if not req.agent.config.connect.enabled:
        raise InternalError(f"failed getting intention match: {ConnectDisabled.default_text}")
    raise missing(req.agent.config, MESH)


def _require_target(req: Request, service: str) -> None:
    """Raise PermissionDenied unless the asker may register the service that is to be called."""
    try:
        authorizer = req.authorizer()
    except ConsulError as error:
        raise type(error)(f"Could not resolve token to authorizer: {error}") from None
    authorizer.require("service", Access.WRITE, service)
