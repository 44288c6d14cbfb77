"""Where a prepared query is tried when the local datacenter has no instance for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.structs.errors import ConsulError
from pyconsul.structs.prepared_query import (
    PreparedQuery,
    PreparedQueryExecuteRemoteRequest,
    PreparedQueryExecuteRequest,
    PreparedQueryExecuteResponse,
    QueryFailoverOptions,
    QueryFailoverTarget,
)
from pyconsul.structs.wire import changed
from pyconsul.telemetry.logging import logger

if TYPE_CHECKING:
    from pyconsul.server.server import Server

log = logger("agent.server.prepared_query")


async def fail_over(
    srv: Server, query: PreparedQuery, ask: PreparedQueryExecuteRequest, found: PreparedQueryExecuteResponse
) -> PreparedQueryExecuteResponse:
    """Try the query's targets in turn until one has instances; the last answer counts, and how many were tried."""
    tried = 0
    for target in targets(query.Service.Failover, other_datacenters(srv)):
        tried += 1
        answer = await _ask(srv, query, ask, target)
        if answer is None:
            found = changed(found, Nodes=None)
            continue
        found = answer
        if found.Nodes:
            break
    return changed(found, Failovers=tried)


def other_datacenters(srv: Server) -> list[str]:
    """The datacenters that we can reach besides our own, nearest first."""
    del srv  # a server without a WAN pool knows of none
    return []


def targets(failover: QueryFailoverOptions, nearest: list[str]) -> list[QueryFailoverTarget]:
    """What to try in which order: the nearest datacenters, then what is named; unknown datacenters are skipped."""
    first = nearest[: max(failover.NearestN, 0)]
    found = [QueryFailoverTarget(Datacenter=name) for name in first]
    for target in failover.as_targets():
        name = target.Datacenter
        if name and name not in nearest:
            log.debug("Skipping unknown datacenter in prepared query", datacenter=name)
            continue
        if (name and name not in first) or target.Peer:
            found.append(target)
    return found


async def _ask(
    srv: Server, query: PreparedQuery, ask: PreparedQueryExecuteRequest, target: QueryFailoverTarget
) -> PreparedQueryExecuteResponse | None:
    datacenter = srv.config.datacenter if target.Peer else target.Datacenter
    request = PreparedQueryExecuteRemoteRequest(
        Datacenter=datacenter,
        Query=changed(query, Service=changed(query.Service, Peer=target.Peer)),
        Limit=ask.Limit,
        Connect=ask.Connect,
        Token=ask.Token,
        AllowStale=ask.AllowStale,
        RequireConsistent=ask.RequireConsistent,
        MaxStaleDuration=ask.MaxStaleDuration,
    )
    try:
        answer: PreparedQueryExecuteResponse = await srv.call("PreparedQuery.ExecuteRemote", request)
    except ConsulError as error:
        log.warn(
            "Failed querying for service in datacenter",
            service=query.Service.Service,
            peerName=target.Peer,
            datacenter=datacenter,
            error=error.text,
        )
        return None
    return answer
