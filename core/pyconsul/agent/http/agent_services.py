"""``/v1/agent/services`` and ``/v1/agent/service``: the services of this agent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from pyconsul.acl import Access, Authorizer
from pyconsul.agent.access import vet_known_service, vet_service
from pyconsul.agent.http.agent_rows import AgentService, agent_service
from pyconsul.agent.http.content_hash import content_hash
from pyconsul.agent.http.reply import Reply, filtered_headers
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.agent.local.loading import registered_service
from pyconsul.agent.local.registrations import NewService
from pyconsul.agent.local.rows import SERVICES
from pyconsul.agent.local.sidecar import sidecar_of
from pyconsul.lang.bexpr import FilterError, compile_filter
from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store, WatchSet
from pyconsul.primitives.multierror import multi_error
from pyconsul.server.aside import aside
from pyconsul.server.blocking import MAX_WAIT_NS, wait_seconds
from pyconsul.structs import godecode
from pyconsul.structs.checks import CheckType, InvalidCheck
from pyconsul.structs.definitions import DefinitionError, ServiceDefinition, service_definition_from
from pyconsul.structs.errors import BadRequest, InternalError, NotFound
from pyconsul.structs.health import STATUSES
from pyconsul.structs.service_rules import (
    is_any_address,
    service_errors,
    service_metadata_error,
    weights_error,
)
from pyconsul.structs.wire import changed
from pyconsul.telemetry import logger

_log = logger("agent")
_BAD_STATUS = "Status for checks must 'passing', 'warning', 'critical'"


@route("GET", "/v1/agent/services")
async def agent_services(req: Request) -> Reply:
    """All services by ID; an empty object when there are none."""
    req.refuse_enterprise()

    def read(db: Store, ws: WatchSet | None) -> dict[str, AgentService]:
        rows = db.all(SERVICES, ws)
        return {row.Service.ID: agent_service(row.Service, req.agent.datacenter) for row in rows}

    authorizer = req.authorizer()
    rows = req.local_read(read)
    shown = {service_id: row for service_id, row in rows.items() if _is_shown(authorizer, row)}
    return Reply(await filtered(req, shown, AgentService), headers=filtered_headers(req, len(rows) - len(shown)))


def _is_shown(authorizer: Authorizer, service: AgentService) -> bool:
    if authorizer.reads_service(service.Service):
        return True
    _log.debug("dropping service from result due to ACLs", service=service.ID)
    return False


async def filtered(req: Request, rows: Mapping[str, Any], row_type: type | None) -> dict[str, Any]:
    """The rows that ``?filter=`` lets pass. Raises InternalError for an expression that does not fit."""
    expression = req.query.get("filter")
    if not expression:
        return dict(rows)
    try:
        fits = await aside(len(expression), lambda: compile_filter(expression, row_type))
        return {key: row for key, row in rows.items() if fits(row)}
    except FilterError as error:
        raise InternalError(str(error)) from None


@route("GET", "/v1/agent/service/{id...}")
async def agent_service_by_id(req: Request) -> Reply:
    """One service with the hash of its content; waits while that is the ``hash`` the client has seen."""
    options = req.wait_options()
    req.refuse_enterprise()
    req.authorizer()  # a token that nobody knows gets nothing, not even the news that there is no such service
    service_id, seen = req.path["id"], req.query.get("hash")
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait_seconds(min(options.get("MaxQueryTime", 0), MAX_WAIT_NS)) if seen else 0.0
    while True:
        news = asyncio.Event()
        with WatchSet(on_fire=news.set) as ws, req.agent.ending.wakes(news):
            found = req.agent.local.service(service_id, ws)
            if found is None:
                raise NotFound(f"unknown service ID: {service_id}")
            req.authorizer().require("service", Access.READ, found.Service)
            service = agent_service(found, req.agent.datacenter)
            digest = content_hash(service)
            if digest != seen or loop.time() >= deadline or req.agent.ending.has_begun:
                break
            try:
                async with asyncio.timeout_at(deadline):
                    await news.wait()
                    await req.agent.syncer.not_paused()  # a reload takes each service away and puts it back
            except TimeoutError:
                continue
    return Reply(changed(service, ContentHash=digest), headers={"X-Consul-Contenthash": digest})


@route("PUT", "/v1/agent/service/register")
async def agent_service_register(req: Request) -> Reply:
    """Register a service, with checks and perhaps a sidecar; returns once the catalog was told."""
    req.refuse_enterprise()
    definition = _definition(req)
    token, authorizer = req.token(), req.authorizer()
    service = definition.node_service()
    # What is wrong with the body comes before whether its sender may register, as clients of Consul see it.
    reason = weights_error(service.Weights)
    if reason:
        raise BadRequest(f"Invalid Weights: {reason}")
    reason = service_metadata_error(service.Kind or "", service.Meta)
    if reason:
        raise BadRequest(f"Invalid Service Meta: {reason}")
    errors = service_errors(service)
    if errors:
        raise BadRequest(f"Validation failed: {multi_error(errors)}")
    checks = _checks_of(definition, "Invalid check")
    sidecar_checks = _checks_of(definition.Sidecar, "Invalid check in sidecar_service") if definition.Sidecar else []
    vet_service(authorizer, req.agent.local, service)
    replace = req.query.has("replace-existing-checks") and req.query.get("replace-existing-checks") in ("", "true")
    new = NewService(
        service=registered_service(definition),
        checks=checks,
        token=token,
        persist=True,
        replace_checks=replace,
    )
    sidecar = _sidecar(new, definition.Sidecar, sidecar_checks)
    if sidecar is not None:  # it may come with a token of its own
        vet_service(req.agent.authorizer(sidecar.token), req.agent.local, sidecar.service)
    registrations = req.agent.local_work.registrations
    registrations.add_service(new)
    if sidecar is not None:
        await req.agent.local_work.changes_kept()  # what cannot be kept gets no sidecar
        registrations.add_service(sidecar)
    await req.agent.local_work.sync_changes()
    return Reply.nothing()


def _definition(req: Request) -> ServiceDefinition:
    try:
        definition = service_definition_from(godecode.parse(req.body))
    except (DefinitionError, ValueError) as error:
        raise BadRequest(f"Request decode failed: {error}") from None
    if not definition.Name:
        raise BadRequest("Missing service name")
    if is_any_address(definition.Address):
        raise BadRequest("Invalid service address")
    return definition


def _checks_of(definition: ServiceDefinition, what: str) -> list[CheckType]:
    try:
        checks = definition.check_types()
    except InvalidCheck as error:
        raise BadRequest(f"{what}: {error}") from None
    if any(check.Status and check.Status not in STATUSES for check in checks):
        raise BadRequest(_BAD_STATUS)
    return checks


def _sidecar(new: NewService, nested: ServiceDefinition | None, checks: list[CheckType]) -> NewService | None:
    """The registration of a nested sidecar. Raises BadRequest."""
    if nested is None:
        return None
    if nested.Meta is not None:
        reason = service_metadata_error(nested.Kind, nested.Meta)
        if reason:
            raise BadRequest(f"Invalid SidecarService: {reason}")
    sidecar = sidecar_of(new.service, nested)
    errors = service_errors(sidecar, for_agent=True)
    if errors:
        raise BadRequest(f"Failed Validation: {multi_error(errors)}")
    return NewService(
        service=sidecar,
        checks=checks,
        token=nested.Token or new.token,
        persist=True,
        is_sidecar=True,
        replace_checks=new.replace_checks,
    )


@route("PUT", "/v1/agent/service/deregister/{id...}")
async def agent_service_deregister(req: Request) -> Reply:
    """Drop a service, its checks and its sidecar; 404 for an unknown one."""
    req.refuse_enterprise()
    service_id = req.path["id"]
    vet_known_service(req.authorizer(), req.agent.local, service_id)
    req.agent.local_work.registrations.remove_service(service_id)
    await req.agent.local_work.sync_changes()
    return Reply.nothing()


@route("PUT", "/v1/agent/service/maintenance/{id...}")
async def agent_service_maintenance(req: Request) -> Reply:
    """Take a service out of use, or put it back."""
    service_id = req.path["id"]
    if not service_id:
        raise BadRequest("Missing service ID")
    enable = enable_of(req)
    req.refuse_enterprise()
    vet_known_service(req.authorizer(), req.agent.local, service_id)
    maintenance = req.agent.local_work.maintenance
    if enable:
        maintenance.start_service(service_id, req.query.get("reason"), req.token())
    else:
        maintenance.end_service(service_id)
    await req.agent.local_work.sync_changes(must_keep=False)
    return Reply.nothing()


_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("0", "f", "F", "FALSE", "false", "False")


def enable_of(req: Request) -> bool:
    """The ``enable`` parameter of a maintenance request. Raises BadRequest without one."""
    if not req.query.has("enable"):
        raise BadRequest("Missing value for enable")
    text = req.query.get("enable")
    if text not in _TRUE and text not in _FALSE:
        raise BadRequest(f"Invalid value for enable: {quote(text)}")
    return text in _TRUE
