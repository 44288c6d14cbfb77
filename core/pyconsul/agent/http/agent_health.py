"""``/v1/agent/health/service``: the state of local services as a status code, for load balancers and scripts."""

from __future__ import annotations

from typing import Any, Final

from pyconsul.acl import Access
from pyconsul.agent.http.agent_rows import ServiceChecks, agent_check, agent_service
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.lang.strconv import to_bytes
from pyconsul.structs.catalog import HealthCheck, NodeService
from pyconsul.structs.errors import InternalError
from pyconsul.structs.health import CRITICAL, NODE_MAINTENANCE, PASSING, SERVICE_MAINTENANCE_PREFIX, WARNING

MAINTENANCE: Final = "maintenance"
_CODES: Final = {PASSING: 200, WARNING: 429}


def aggregated_status(checks: list[HealthCheck]) -> str:
    """What checks come to together: the worst, maintenance before all; passing without any, "" for an odd status."""
    seen: set[str] = set()
    for check in checks:
        if check.CheckID == NODE_MAINTENANCE or check.CheckID.startswith(SERVICE_MAINTENANCE_PREFIX):
            seen.add(MAINTENANCE)
        elif check.Status in (PASSING, WARNING, CRITICAL):
            seen.add(check.Status)
        else:
            return ""
    return next((each for each in (MAINTENANCE, CRITICAL, WARNING) if each in seen), PASSING)


def _state_of(req: Request, service: NodeService) -> tuple[int, ServiceChecks]:
    checks = req.agent.local.checks_of(service.ID, with_node=True)
    status = aggregated_status(checks)
    state = ServiceChecks(
        AggregatedStatus=status,
        Service=agent_service(service, req.agent.datacenter),
        Checks=[agent_check(check) for check in checks],
    )
    return _CODES.get(status, 503), state


@route("GET", "/v1/agent/health/service/id/{id...}")
async def agent_health_by_id(req: Request) -> Reply:
    """One instance: 200 passing, 429 warning, 503 critical or in maintenance, 404 unknown."""
    service_id = req.path["id"]
    if not service_id:
        raise InternalError("Missing serviceID")
    req.refuse_enterprise()
    authorizer = req.authorizer()
    service = req.agent.local.service(service_id)
    if service is None:
        missing = ServiceChecks(AggregatedStatus=CRITICAL)
        return _reply(req, 404, f"ServiceId {service_id} not found", missing)
    authorizer.require("service", Access.READ, service.Service)
    code, state = _state_of(req, service)
    return _reply(req, code, state.AggregatedStatus, state)


@route("GET", "/v1/agent/health/service/name/{name...}")
async def agent_health_by_name(req: Request) -> Reply:
    """All instances of a service; the code is that of the worst one."""
    name = req.path["name"]
    if not name:
        raise InternalError("Missing service Name")
    req.refuse_enterprise()
    req.authorizer().require("service", Access.READ, name)
    states = [_state_of(req, service) for service in req.agent.local.services_named(name)]
    code, status = 404, f"ServiceName {name} Not Found"
    for each, state in states:
        if code == 404 or code < each:  # 404 stands for none so far: it is more than 200, and no state
            code, status = each, state.AggregatedStatus
    return _reply(req, code, status, [state for _, state in states])


def _reply(req: Request, code: int, reason: str, value: Any) -> Reply:
    headers = {"X-Consul-Reason": reason}
    if _wants_text(req):
        return Reply(raw=to_bytes(reason), status=code, headers=headers, content_type="text/plain")
    return Reply(value, status=code, headers=headers)


def _wants_text(req: Request) -> bool:
    return req.headers.get("accept", "").startswith("text/plain") or req.query.get("format") == "text"
