"""Routes of capabilities that this agent does not have yet: answered as Consul does with the capability switched off.

Where Consul has no such answer it is 501 with one line that says what is missing. The patterns are those of the real
agent's routes, so that a wrong method or an unknown path is told apart from a missing capability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyconsul.acl import Access
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import Handler, route
from pyconsul.structs.errors import ConnectDisabled, ConsulError, NotBuilt, PeeringDisabled

if TYPE_CHECKING:
    from pyconsul.config.runtime import RuntimeConfig

MESH: Final = "The service mesh"
_PEERING: Final = "Cluster peering"

# Paths with their methods; one handler for each group.
LATER_ROUTES = (
    (MESH, "/v1/connect/ca/roots", "GET"),
    (MESH, "/v1/connect/ca/configuration", "GET PUT"),
    (MESH, "/v1/discovery-chain/{service}", "GET POST"),
    (_PEERING, "/v1/peering/token", "POST"),
    (_PEERING, "/v1/peering/establish", "POST"),
    (_PEERING, "/v1/peering/{name...}", "GET DELETE"),
    (_PEERING, "/v1/peerings", "GET"),
    ("The resource API", "/api/{path...}", "GET PUT DELETE"),
)


def missing(config: RuntimeConfig, capability: str) -> ConsulError:
    """Consul's error of the capability switched off, where the configuration does that; else that it is not built."""
    if capability == MESH and not config.connect.enabled:
        return ConnectDisabled()
    if capability == _PEERING and not config.peering.enabled:
        return PeeringDisabled()
    return NotBuilt(f"{capability} cannot be used yet: this version of py-consul does not have this capability")


def _missing(capability: str) -> Handler:
    """A handler that says which capability is missing."""

    async def answer(req: Request) -> Reply:
        raise missing(req.agent.config, capability)

    return answer


@route("GET", "/debug/pprof/{name...}")
async def pprof(req: Request) -> Reply:
    """404 while debugging and ACLs are off, as in Consul; a Go profile is nothing that this agent could give."""
    if not req.agent.config.enable_debug and not req.agent.config.acl.enabled:
        return Reply.empty(404)
    try:
        req.authorizer().require("operator", Access.READ)
    except ConsulError:
        return Reply.text("", 403)
    raise NotBuilt("Go profiles do not exist in py-consul; see docs/performance.md for profiling an agent")


def _register() -> None:
    for capability, pattern, methods in LATER_ROUTES:
        for method in methods.split():
            route(method, pattern)(_missing(capability))


_register()
