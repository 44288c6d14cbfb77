"""``/v1/agent/checks`` and ``/v1/agent/check``: the checks of this agent, and reports to TTL checks."""

from __future__ import annotations

from pyconsul.acl import Access, Authorizer
from pyconsul.agent.access import reads_check, vet_check, vet_known_check
from pyconsul.agent.http.agent_services import enable_of, filtered
from pyconsul.agent.http.reply import Reply, filtered_headers
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.agent.local.rows import CHECKS
from pyconsul.lang.strconv import quote
from pyconsul.memdb import Store, WatchSet
from pyconsul.structs import godecode
from pyconsul.structs.checks import InvalidCheck
from pyconsul.structs.definitions import CheckDefinition, DefinitionError, check_definition_from
from pyconsul.structs.errors import BadRequest, NotFound
from pyconsul.structs.health import CRITICAL, PASSING, STATUSES, WARNING, HealthCheck
from pyconsul.structs.lenient import DecodeError, Shape, from_json
from pyconsul.structs.scalar_kinds import STRING
from pyconsul.structs.wire import changed
from pyconsul.telemetry import logger

_log = logger("agent")
_UPDATE = Shape("checkUpdate", {"Status": STRING, "Output": STRING}, package="agent")


@route("GET", "/v1/agent/checks")
async def agent_checks(req: Request) -> Reply:
    """All checks by ID; an empty object when there are none."""
    req.refuse_enterprise()

    def read(db: Store, ws: WatchSet | None) -> dict[str, HealthCheck]:
        rows = db.all(CHECKS, ws)
        return {row.Check.CheckID: changed(row.Check, ServiceTags=row.Check.ServiceTags or []) for row in rows}

    authorizer = req.authorizer()
    rows = req.local_read(read)
    shown = {check_id: check for check_id, check in rows.items() if _is_shown(authorizer, check)}
    # Consul looks at the rows for what a selector may be, so an expression over no rows is never wrong.
    return Reply(await filtered(req, shown, None), headers=filtered_headers(req, len(rows) - len(shown)))


def _is_shown(authorizer: Authorizer, check: HealthCheck) -> bool:
    if reads_check(authorizer, check):
        return True
    _log.debug("dropping check from result due to ACLs", check=check.CheckID)
    return False


@route("PUT", "/v1/agent/check/register")
async def agent_check_register(req: Request) -> Reply:
    """Register a check of the node, or of a service that is here; returns once the catalog was told."""
    req.refuse_enterprise()
    definition = _definition(req)
    token, authorizer = req.token(), req.authorizer()
    check = changed(definition.health_check(req.agent.node_name), Type=definition.type.kind())
    try:
        definition.type.validate()
    except InvalidCheck as error:
        raise BadRequest(f"Invalid check: {error}") from None
    if check.ServiceID:
        service = req.agent.local.service(check.ServiceID)
        if service is None:
            raise NotFound(f"ServiceID {quote(check.ServiceID)} does not exist")
        check = changed(check, ServiceName=service.Service)
    vet_check(authorizer, req.agent.local, check)
    registrations = req.agent.local_work.registrations
    registrations.add_check(check, definition.type, token=token, from_config=False, persist=True)
    await req.agent.local_work.sync_changes()
    return Reply.nothing()


def _definition(req: Request) -> CheckDefinition:
    try:
        definition = check_definition_from(godecode.parse(req.body))
    except (DefinitionError, ValueError) as error:
        raise BadRequest(f"Request decode failed: {error}") from None
    if not definition.Name:
        raise BadRequest("Missing check name")
    if definition.type.Status and definition.type.Status not in STATUSES:
        raise BadRequest("Bad check status")
    return definition


@route("PUT", "/v1/agent/check/deregister/{id...}")
async def agent_check_deregister(req: Request) -> Reply:
    """Drop a check; 404 for an unknown one."""
    req.refuse_enterprise()
    check_id = _vetted(req)
    req.agent.local_work.registrations.remove_check(check_id)
    await req.agent.local_work.sync_changes()
    return Reply.nothing()


@route("PUT", "/v1/agent/check/pass/{id...}")
async def agent_check_pass(req: Request) -> Reply:
    """Report to a TTL check that all is well."""
    return await _report(req, PASSING, req.query.get("note"))


@route("PUT", "/v1/agent/check/warn/{id...}")
async def agent_check_warn(req: Request) -> Reply:
    """Report a warning to a TTL check."""
    return await _report(req, WARNING, req.query.get("note"))


@route("PUT", "/v1/agent/check/fail/{id...}")
async def agent_check_fail(req: Request) -> Reply:
    """Report a failure to a TTL check."""
    return await _report(req, CRITICAL, req.query.get("note"))


@route("PUT", "/v1/agent/check/update/{id...}")
async def agent_check_update(req: Request) -> Reply:
    """Report to a TTL check with status and output in the body."""
    try:
        update = from_json(_UPDATE, godecode.parse(req.body))
    except (DecodeError, ValueError) as error:
        raise BadRequest(f"Request decode failed: {error}") from None
    status = str(update.get("Status", ""))
    if status not in STATUSES:
        raise BadRequest(f"Invalid check status: '{status}'")
    return await _report(req, status, str(update.get("Output", "")))


async def _report(req: Request, status: str, output: str) -> Reply:
    req.refuse_enterprise()
    req.agent.local_work.registrations.update_ttl(_vetted(req), status, output)
    await req.agent.local_work.sync_changes()
    return Reply.nothing()


def _vetted(req: Request) -> str:
    """The check ID in the path. Raises NotFound for an unknown one, PermissionDenied for one of others."""
    check_id = req.path["id"]
    vet_known_check(req.authorizer(), req.agent.local, check_id)
    return check_id


@route("PUT", "/v1/agent/maintenance")
async def agent_maintenance(req: Request) -> Reply:
    """Take the whole node out of use, or put it back."""
    enable = enable_of(req)
    req.authorizer().require("node", Access.WRITE, req.agent.node_name)
    maintenance = req.agent.local_work.maintenance
    if enable:
        maintenance.start_node(req.query.get("reason"), req.token())
    else:
        maintenance.end_node()
    await req.agent.local_work.sync_changes(must_keep=False)
    return Reply.nothing()
