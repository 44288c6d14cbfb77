"""``/v1/agent/self``, ``version`` and ``host``: what this agent is, how it is configured, how it fares."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
from msgspec import UNSET, Struct, UnsetType

from pyconsul.acl import Access
from pyconsul.agent.host import host_info
from pyconsul.agent.http.reply import Reply
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.agent.local.rows import CHECKS, SERVICES
from pyconsul.agent.members import lan_members, local_member, wan_members
from pyconsul.config.sanitise import sanitised
from pyconsul.structs import gojson
from pyconsul.structs.coordinate import ORIGIN

if TYPE_CHECKING:
    from pyconsul.agent.agent import Agent
    from pyconsul.config.runtime import RuntimeConfig

# Those that Consul 1.21 names; what starts an Envoy compares its own with them.
ENVOY_VERSIONS: Final = ("1.34.1", "1.33.2", "1.32.5", "1.31.8")
_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}

# What Serf tells of a pool in which nothing has happened yet.
_QUIET_POOL: Final = {
    "coordinate_resets": "0",
    "event_queue": "0",
    "event_time": "1",
    "failed": "0",
    "health_score": "0",
    "intent_queue": "0",
    "left": "0",
    "member_time": "1",
    "query_queue": "0",
    "query_time": "1",
}


@route("GET", "/v1/agent/self")
async def agent_self(req: Request) -> Reply:
    """Configuration (secrets hidden), coordinate, own member, figures, node metadata."""
    req.require_agent(Access.READ)
    agent = req.agent
    moving = _MovingPart(stats(agent), agent.local.facts.meta, _xds(agent))
    # The configuration is most of the answer and changes only with a reload: its JSON is kept.
    still, moved = _still_part(agent), _in_go_form(msgspec.json.encode(moving, order="deterministic"))
    if req.query.has("pretty") or agent.config.dev_mode:
        return Reply(raw=still.pretty + moved.pretty)
    return Reply(raw=still.plain + moved.plain)


class _XDSPorts(Struct, frozen=True):
    Plaintext: int
    TLS: int


class _XDS(Struct, frozen=True):
    SupportedProxies: dict[str, tuple[str, ...]]
    Port: int
    Ports: _XDSPorts


class _MovingPart(Struct, frozen=True):
    """What may differ from one request to the next, in Consul's order."""

    Stats: dict[str, dict[str, str]]
    Meta: dict[str, str]
    xDS: _XDS | UnsetType


class _MovedPart(NamedTuple):
    """JSON of what may differ, from the comma after the rest on."""

    plain: bytes
    pretty: bytes


@lru_cache(maxsize=64)
def _in_go_form(moving: bytes) -> _MovedPart:
    """JSON as Go spells it. Few figures move at a time, and what was spelt takes a tenth of spelling it again."""
    value = msgspec.Raw(moving)
    return _MovedPart(b"," + gojson.encode(value)[1:], b"," + gojson.encode_pretty(value)[1:])


class _StillPart(NamedTuple):
    """JSON of what only a reload changes, without the brace at its end."""

    shown: RuntimeConfig
    plain: bytes
    pretty: bytes


_still_parts: WeakKeyDictionary[Agent, _StillPart] = WeakKeyDictionary()


def _still_part(agent: Agent) -> _StillPart:
    kept = _still_parts.get(agent)
    if kept is None or kept.shown is not agent.shown:
        value = _still_value(agent)
        pretty = gojson.encode_pretty(value).removesuffix(b"\n}")
        kept = _StillPart(agent.shown, gojson.encode(value).removesuffix(b"}"), pretty)
        _still_parts[agent] = kept
    return kept


def _still_value(agent: Agent) -> dict[str, Any]:
    config = agent.shown
    return {
        "Config": {
            "Datacenter": config.datacenter,
            "PrimaryDatacenter": config.primary_datacenter or config.datacenter,
            "NodeName": config.node_name,
            "NodeID": config.node_id,
            "Revision": config.revision,
            "Server": config.server,
            "Version": full_version(agent),
            "BuildDate": _rfc3339(config.build_date),
        },
        "DebugConfig": gojson.sorted_map(sanitised(config)),
        "Coord": None if agent.config.disable_coordinates else ORIGIN,
        "Member": local_member(agent),
    }


def _xds(agent: Agent) -> _XDS | UnsetType:
    plain, tls = agent.config.ports.grpc, agent.config.ports.grpc_tls
    if plain <= 0 and tls <= 0:
        return UNSET
    return _XDS({"envoy": ENVOY_VERSIONS}, tls if tls > 0 else plain, _XDSPorts(plain, tls))


def _rfc3339(text: str) -> str:
    """A time in Go's print form (``2006-01-02 15:04:05 +0000 UTC``) as RFC 3339."""
    return text.replace(" +0000 UTC", "Z").replace(" ", "T")


def full_version(agent: Agent) -> str:
    """The version with its metadata."""
    config = agent.config
    return f"{config.version}+{config.version_metadata}" if config.version_metadata else config.version


def stats(agent: Agent) -> dict[str, dict[str, str]]:
    """The figures of ``consul info``, by room."""
    config, checks = agent.config, agent.local_work.checks
    consensus = agent.server.consensus
    addresses = agent.server.raft_addresses()
    return {
        "agent": {
            "check_monitors": str(checks.count("script")),
            "check_ttls": str(checks.count("ttl")),
            "checks": str(agent.local.db.count(CHECKS)),
            "services": str(agent.local.db.count(SERVICES)),
        },
        "build": {
            "prerelease": config.version_prerelease,
            "revision": config.revision[:8],
            "version": config.version,
            "version_metadata": config.version_metadata,
        },
        "consul": {
            "acl": "enabled" if config.acl.enabled else "disabled",
            "bootstrap": "true" if config.bootstrap else "false",
            "known_datacenters": "1",
            "leader": "true" if consensus.is_leader else "false",
            "leader_addr": addresses[0] if addresses else "",
            "server": "true" if config.server else "false",
        },
        "raft": consensus.stats(),
        # Tasks are the nearest that there is to goroutines.
        "runtime": {**_machine(), "goroutines": str(len(asyncio.all_tasks()))},
        "serf_lan": _pool(len(lan_members(agent)), encrypted=bool(config.encrypt)),
        "serf_wan": _pool(len(wan_members(agent)), encrypted=bool(config.encrypt)),
    }


@cache
def _machine() -> dict[str, str]:
    """What a running process sees of its machine, asked for once: counting its processors reads files."""
    return {
        "arch": _ARCHITECTURES.get(platform.machine(), platform.machine()),
        "cpu_count": str(os.cpu_count() or 1),
        "max_procs": "1",  # one loop does the work, however many processors there are
        "os": sys.platform,
        "version": f"python{platform.python_version()}",
    }


def _pool(members: int, *, encrypted: bool) -> dict[str, str]:
    return _QUIET_POOL | {"members": str(members), "encrypted": "true" if encrypted else "false"}


@route("GET", "/v1/agent/version")
async def agent_version(req: Request) -> Reply:
    """What was built, when, from which revision."""
    config = req.agent.config
    return Reply(
        {
            "SHA": config.revision,
            "BuildDate": _rfc3339(config.build_date),
            "HumanVersion": full_version(req.agent),
            "FIPS": "",
        }
    )


@route("GET", "/v1/agent/host")
async def agent_host(req: Request) -> Reply:
    """Facts about the machine; reading them takes files, so it happens in a thread."""
    req.authorizer().require("operator", Access.READ)
    return Reply(await asyncio.to_thread(host_info, req.agent.config.data_dir or "/"))
