"""``/v1/agent/checks`` and ``/v1/agent/check``: the checks of this agent, and reports to TTL checks."""

from __future__ import annotations

from pyconsul.agent.http.agent_services import enable_of, filtered
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.agent.local.rows import CHECKS
from pyconsul.memdb import Store, WatchSet
from pyconsul.structs import godecode
from pyconsul.structs.checks import InvalidCheck
from pyconsul.structs.definitions import CheckDefinition, DefinitionError, check_definition_from
from pyconsul.structs.errors import BadRequest, NotFound
from pyconsul.structs.health import CRITICAL, PASSING, STATUSES, WARNING, HealthCheck
from pyconsul.structs.lenient import STRING, DecodeError, Shape, from_json
from pyconsul.structs.wire import changed

_UPDATE = Shape("checkUpdate", {"Status": STRING, "Output": STRING}, package="agent")


@route("GET", "/v1/agent/checks")
async def agent_checks(req: Request) -> Reply:
    """All checks by ID; an empty object when there are none."""
    req.refuse_enterprise()

    def read(db: Store, ws: WatchSet | None) -> dict[str, HealthCheck]:
        rows = db.all(CHECKS, ws)
        return {row.Check.CheckID: changed(row.Check, ServiceTags=row.Check.ServiceTags or []) for row in rows}

    # Consul looks at the rows for what a selector may be, so an expression over no rows is never wrong.
    return Reply(filtered(req, req.local_read(read), None))


@route("PUT", "/v1/agent/check/register")
async def agent_check_register(req: Request) -> Reply:
    """Register a check of the node, or of a service that is here; returns once the catalog was told."""
    req.refuse_enterprise()
    definition = _definition(req)
    token = req.token()
    check = changed(definition.health_check(req.agent.node_name), Type=definition.type.kind())
    try:
        definition.type.validate()
    except InvalidCheck as error:
        raise BadRequest(f"Invalid check: {error}") from None
    if check.ServiceID and req.agent.local.service(check.ServiceID) is None:
        raise NotFound(f'ServiceID "{check.ServiceID}" does not exist')
    registrations = req.agent.local_work.registrations
    registrations.add_check(check, definition.type, token=token, from_config=False, persist=True)
    await req.agent.local_work.sync_changes()
    return Reply(raw=b"")


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
    check_id = _known(req)
    req.agent.local_work.registrations.remove_check(check_id)
    await req.agent.local_work.sync_changes()
    return Reply(raw=b"")


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
    req.agent.local_work.registrations.update_ttl(_known(req), status, output)
    await req.agent.local_work.sync_changes()
    return Reply(raw=b"")


def _known(req: Request) -> str:
    """The check ID in the path. Raises NotFound where there is no such check."""
    check_id = req.path["id"]
    if req.agent.local.check(check_id) is None:
        raise NotFound(f'Unknown check ID "{check_id}". Ensure that the check ID is passed, not the check name.')
    return check_id


@route("PUT", "/v1/agent/maintenance")
async def agent_maintenance(req: Request) -> Reply:
    """Take the whole node out of use, or put it back."""
    enable = enable_of(req)
    registrations = req.agent.local_work.registrations
    if enable:
        registrations.start_node_maintenance(req.query.get("reason"), req.token())
    else:
        registrations.end_node_maintenance()
    await req.agent.local_work.sync_changes()
    return Reply(raw=b"")
