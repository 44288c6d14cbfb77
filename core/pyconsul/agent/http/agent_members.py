"""``/v1/agent/members``, ``join``, ``force-leave`` and ``leave``: this agent among others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyconsul.acl import Access
from pyconsul.agent.access import accessor_alias
from pyconsul.agent.checks.dialing import DialError, dial, resolve, split_address
from pyconsul.agent.http.discovery import refuse_partition
from pyconsul.agent.http.reply import Reply, filtered_headers
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.agent.members import Member, lan_members, wan_members
from pyconsul.lang.bexpr import FilterError, compile_filter
from pyconsul.lang.strconv import NumberSyntaxError, parse_uint
from pyconsul.primitives.multierror import multi_error
from pyconsul.server.aside import aside
from pyconsul.structs.errors import BadRequest, ConsulError, InternalError, NotBuilt
from pyconsul.telemetry import logger

if TYPE_CHECKING:
    from pyconsul.acl import Authorizer
    from pyconsul.agent.agent import Agent
    from pyconsul.config.runtime import Address

_log = logger("agent")
_JOIN_TIMEOUT = 10.0  # seconds


@route("GET", "/v1/agent/members")
async def agent_members(req: Request) -> Reply:
    """The members of the LAN pool, with a non-empty ``wan`` those of the WAN pool."""
    query = req.query
    segment = query.get("segment")
    if query.get("wan") and segment not in ("", "_all"):
        raise BadRequest("Cannot provide a segment with wan=true")
    refuse_partition(req)
    if segment not in ("", "_all"):
        raise InternalError("Network segments are not supported in this version of Consul")
    known = wan_members(req.agent) if query.get("wan") else lan_members(req.agent)
    authorizer = req.authorizer()
    members = [member for member in known if _is_shown(authorizer, member)]
    headers = filtered_headers(req, len(known) - len(members))
    expression = query.get("filter")
    if expression:
        try:
            fits = await aside(len(expression), lambda: compile_filter(expression, Member))
            members = [member for member in members if fits(member)]
        except FilterError as error:
            refusal = InternalError(str(error))
            refusal.headers.update(headers)
            raise refusal from None
    nobody = bool(query.get("wan")) and req.agent.config.serf_advertise_wan is None  # there is no such pool
    return Reply(None if nobody else members, headers=headers)


def _is_shown(authorizer: Authorizer, member: Member) -> bool:
    """Whether a member may be seen: by who reads its node."""
    if authorizer.reads_node(member.Name):
        return True
    _log.debug("dropping node from result due to ACLs", node=member.Name, accessorID=accessor_alias(authorizer))
    return False


@route("PUT", "/v1/agent/join/{address...}")
async def agent_join(req: Request) -> Reply:
    """Join the pool of another agent. Joining oneself does nothing; others have to wait for clustering."""
    req.require_agent(Access.WRITE)
    refuse_partition(req)
    wan = bool(req.query.get("wan"))
    await join(req.agent, req.path["address"], wan=wan)
    return Reply.nothing()


async def join(agent: Agent, address: str, *, wan: bool) -> None:
    """Join by ``host[:port]``. Raises InternalError with Consul's text when nobody listens, NotBuilt else."""
    pool = "WAN" if wan else "LAN"
    _log.info(f"({pool}) joining", **{f"{pool.lower()}_addresses": [address]})
    try:
        await _join(agent, address, wan=wan)
    except ConsulError as error:
        _log.warn(f"({pool}) couldn't join", number_of_nodes=0, error=error)
        raise
    _log.info(f"({pool}) joined", number_of_nodes=1)


async def _join(agent: Agent, address: str, *, wan: bool) -> None:
    config = agent.config
    own = config.serf_advertise_wan if wan else config.serf_advertise_lan
    if own is None:
        raise InternalError("WAN Federation is disabled")
    port = config.ports.serf_wan if wan else config.ports.serf_lan
    target = address if _has_port(address) else f"{address}:{port}"
    try:
        async with asyncio.timeout(_JOIN_TIMEOUT):
            found = await _resolved(address, port)
            if any(_is_own(agent, host, number, own) for host, number in found):
                return
            link = await dial(target)
    except TimeoutError:
        raise _failed(f"Failed to join {target}: dial tcp {target}: i/o timeout") from None
    except DialError as error:
        raise _failed(f"Failed to join {target}: {error}") from None
    link.close()
    raise NotBuilt(f"Failed to join {target}: this version runs single servers only, clustering is not available yet")


async def _resolved(address: str, port: int) -> list[tuple[str, int]]:
    """Where a member may be; ``port`` is for an address that tells none. Raises InternalError with Consul's text."""
    try:
        if not address:
            raise DialError("lookup : no such host")
        if _has_port(address):
            parse_uint(split_address(address)[1], bits=16)
        return await resolve(address if _has_port(address) else f"{address}:{port}")
    except (DialError, NumberSyntaxError) as error:
        raise _failed(f"Failed to resolve {address}: {str(error).removeprefix('dial tcp: ')}") from None


def _failed(text: str) -> InternalError:
    return InternalError(multi_error([text]))


def _has_port(address: str) -> bool:
    return (address.startswith("[") and "]:" in address) or address.count(":") == 1


def _is_own(agent: Agent, host: str, port: int, own: Address) -> bool:
    return port == own.port and host in (own.host, agent.config.bind_addr, "127.0.0.1", "::1")


@route("PUT", "/v1/agent/force-leave/{node...}")
async def agent_force_leave(req: Request) -> Reply:
    """Take a failed member out of the pool. Here every known member is alive, and leaving those does nothing.

    Without ``?wan`` it leaves both pools, and may be called by its name in either.
    """
    req.authorizer().require("operator", Access.WRITE)
    refuse_partition(req)
    node, wan = req.path["node"], req.query.has("wan")
    known = wan_members(req.agent) + ([] if wan else lan_members(req.agent))
    _log.info("(WAN) Force leaving node" if wan else "Force leaving node", node=node)
    if all(member.Name != node for member in known):
        # Consul loses the name on its way to the WAN pool.
        error = InternalError(f"agent: No node found with name '{'' if wan else node}'")
        _log.warn("(WAN) Failed to remove node" if wan else "Failed to remove node", node=node, error=error)
        raise error
    return Reply.nothing()


@route("PUT", "/v1/agent/leave")
async def agent_leave(req: Request) -> Reply:
    """Leave the cluster and stop. The answer goes out before the doors close."""
    req.require_agent(Access.WRITE)
    agent = req.agent
    await agent.leave()
    task = asyncio.get_running_loop().create_task(agent.stop())
    _stopping.add(task)
    task.add_done_callback(_stopping.discard)
    return Reply.nothing()


_stopping: set[asyncio.Task[None]] = set()  # a loop does not keep its tasks alive
