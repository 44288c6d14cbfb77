"""``/v1/operator``: Raft's configuration, autopilot, gossip keys, usage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pyconsul.acl import Access
from pyconsul.agent.http.discovery import fetch, refuse_partition
from pyconsul.agent.http.reply import Reply, meta_fields
from pyconsul.agent.http.request import Request
from pyconsul.agent.http.routing import route
from pyconsul.agent.keyring import failure_of
from pyconsul.lang.strconv import NumberSyntaxError, parse_bool, parse_int, parse_uint
from pyconsul.primitives.durations import format_duration
from pyconsul.structs import godecode
from pyconsul.structs.api_shapes import ApiAutopilotInput
from pyconsul.structs.errors import BadRequest, InternalError
from pyconsul.structs.operator import (
    ApiAutopilotConfig,
    AutopilotConfig,
    AutopilotSetConfigRequest,
    AutopilotState,
    KeyringArgs,
    KeyringResponse,
    OperatorHealthReply,
    OperatorUsageRequest,
    RaftConfigurationResponse,
    RaftRemovePeerRequest,
    TransferLeaderRequest,
    Usage,
)
from pyconsul.structs.wire import ReadRequest, changed

_MOST_RELAYS = 5


# Raft


@route("GET", "/v1/operator/raft/configuration")
async def raft_configuration(req: Request) -> Reply:
    """The servers that agree on the log."""
    ask = ReadRequest(**req.read_options(refuse_enterprise=False))
    return Reply(await req.rpc("Operator.RaftGetConfiguration", ask, RaftConfigurationResponse))


@route("POST", "/v1/operator/raft/transfer-leader")
async def raft_transfer_leader(req: Request) -> Reply:
    """Hand leadership to the server ``?id=``, or to any."""
    refuse_partition(req)
    ask = TransferLeaderRequest(ID=req.query.get("id"), Token=req.token())
    return Reply({"Success": await req.rpc("Operator.TransferLeader", ask, bool)})


@route("DELETE", "/v1/operator/raft/peer")
async def raft_peer(req: Request) -> Reply:
    """Remove a server by ``?id=`` or ``?address=``."""
    by_id, by_address = req.query.has("id"), req.query.has("address")
    if not by_id and not by_address:
        raise BadRequest("Must specify either ?id with the server's ID or ?address with IP:port of peer to remove")
    if by_id and by_address:
        raise BadRequest("Must specify only one of ?id or ?address")
    ask = RaftRemovePeerRequest(
        ID=req.query.get("id"), Address=req.query.get("address"), Datacenter=req.datacenter(), Token=req.token()
    )
    await req.rpc("Operator.RaftRemovePeerByAddress" if by_address else "Operator.RaftRemovePeerByID", ask, object)
    return Reply.nothing()


# Autopilot


@route("GET", "/v1/operator/autopilot/configuration")
async def autopilot_configuration(req: Request) -> Reply:
    """Autopilot's settings, durations as text."""
    ask = ReadRequest(**req.read_options(refuse_enterprise=False))
    found = await req.rpc("Operator.AutopilotGetConfiguration", ask, AutopilotConfig)
    return Reply(
        ApiAutopilotConfig(
            CleanupDeadServers=found.CleanupDeadServers,
            LastContactThreshold=format_duration(found.LastContactThreshold),
            MaxTrailingLogs=found.MaxTrailingLogs,
            MinQuorum=found.MinQuorum,
            ServerStabilizationTime=format_duration(found.ServerStabilizationTime),
            RedundancyZoneTag=found.RedundancyZoneTag,
            DisableUpgradeMigration=found.DisableUpgradeMigration,
            UpgradeVersionTag=found.UpgradeVersionTag,
            CreateIndex=found.CreateIndex,
            ModifyIndex=found.ModifyIndex,
        )
    )


@route("PUT", "/v1/operator/autopilot/configuration")
async def autopilot_set_configuration(req: Request) -> Reply:
    """Change the settings; what the body leaves out gets its default. With ``?cas=`` whether it happened."""
    try:
        config = autopilot_config_from(godecode.parse(req.body))
    except ValueError as error:
        raise BadRequest(f"Error parsing autopilot config: {error}") from error
    cas = req.query.has("cas")
    if cas:
        config = changed(config, ModifyIndex=_cas_index(req.query.get("cas")))
    ask = AutopilotSetConfigRequest(Config=config, CAS=cas, Datacenter=req.datacenter(), Token=req.token())
    done = await req.rpc("Operator.AutopilotSetConfiguration", ask, bool)
    return Reply(done if cas else True)


def autopilot_config_from(value: Any) -> AutopilotConfig:
    """Settings from parsed JSON over the defaults; a null duration is none. Raises ValueError with Go's text."""
    given = godecode.into(value, ApiAutopilotInput, default=ApiAutopilotInput())
    return AutopilotConfig(
        CleanupDeadServers=given.CleanupDeadServers,
        LastContactThreshold=int(given.LastContactThreshold or 0),
        MaxTrailingLogs=given.MaxTrailingLogs,
        MinQuorum=given.MinQuorum,
        ServerStabilizationTime=int(given.ServerStabilizationTime or 0),
        RedundancyZoneTag=given.RedundancyZoneTag,
        DisableUpgradeMigration=given.DisableUpgradeMigration,
        UpgradeVersionTag=given.UpgradeVersionTag,
    )


def _cas_index(text: str) -> int:
    try:
        return parse_uint(text)
    except NumberSyntaxError as error:
        raise BadRequest(f"Error parsing cas value: {error}") from error


@route("GET", "/v1/operator/autopilot/health")
async def autopilot_health(req: Request) -> Reply:
    """The servers' health; 429 when any of them is not well. Times are rounded to the nearest second."""
    ask = ReadRequest(**req.read_options(refuse_enterprise=False))
    found = await req.rpc("Operator.ServerHealth", ask, OperatorHealthReply)
    servers = [changed(s, StableSince=_whole_seconds(s.StableSince)) for s in found.Servers or ()]
    return Reply(changed(found, Servers=servers or None), status=200 if found.Healthy else 429)


def _whole_seconds(text: str) -> str:
    moment = datetime.fromisoformat(text) + timedelta(microseconds=500_000)
    return moment.replace(microsecond=0, tzinfo=None).isoformat() + "Z"  # strftime writes early years short


@route("GET", "/v1/operator/autopilot/state")
async def autopilot_state(req: Request) -> Reply:
    """Autopilot's whole view of the servers."""
    ask = ReadRequest(**req.read_options(refuse_enterprise=False))
    return Reply(await req.rpc("Operator.AutopilotState", ask, AutopilotState))


# Usage


@route("GET", "/v1/operator/usage")
async def operator_usage(req: Request) -> Reply:
    """Counts by datacenter; the meta data stands in the body, too."""
    options = req.read_options()
    options["Datacenter"] = req.agent.datacenter  # answered here, whichever is asked for
    ask = OperatorUsageRequest(Global=req.query.has("global"), **options)
    found = await fetch(req, "Operator.Usage", ask, Usage)
    return Reply({"Usage": found.Usage} | meta_fields(found), meta=found)


# Gossip keys


@route("GET", "/v1/operator/keyring")
async def keyring_list(req: Request) -> Reply:
    """The keys of each pool."""
    _check_relay_factor(req)
    local_only = _local_only(req)
    req.authorizer().require("keyring", Access.READ)
    return Reply(_without_failures(req.agent.keyrings.list_keys(local_only=local_only)))


@route("POST", "/v1/operator/keyring")
async def keyring_install(req: Request) -> Reply:
    """Add a key everywhere; answers nothing."""
    return _change(req, req.agent.keyrings.install)


@route("PUT", "/v1/operator/keyring")
async def keyring_use(req: Request) -> Reply:
    """Encrypt with another key; answers nothing."""
    return _change(req, req.agent.keyrings.use)


@route("DELETE", "/v1/operator/keyring")
async def keyring_remove(req: Request) -> Reply:
    """Drop a key everywhere; answers nothing."""
    return _change(req, req.agent.keyrings.remove)


def _change(req: Request, act: Callable[[str], list[KeyringResponse]]) -> Reply:
    try:
        args = godecode.into(godecode.parse(req.body), KeyringArgs)
    except ValueError as error:
        raise BadRequest(f"Request decode failed: {error}") from error
    _check_relay_factor(req)
    if _local_only(req):
        raise BadRequest("Invalid use of local-only: local-only can only be set for list requests")
    req.authorizer().require("keyring", Access.WRITE)
    _without_failures(act(args.Key))
    return Reply.nothing()


def _without_failures(responses: list[KeyringResponse]) -> list[KeyringResponse]:
    if failure := failure_of(responses):
        raise InternalError(failure)
    return responses


def _check_relay_factor(req: Request) -> None:
    text = req.query.get("relay-factor")
    if not text:
        return
    try:
        factor = parse_int(text, func="Atoi")
    except NumberSyntaxError as error:
        raise BadRequest(f"Error parsing relay factor: {error}") from error
    if not 0 <= factor <= _MOST_RELAYS:
        raise BadRequest("Invalid relay-factor: Relay factor must be in range: [0, 5]")


def _local_only(req: Request) -> bool:
    text = req.query.get("local-only")
    if not text:
        return False
    try:
        return parse_bool(text)
    except NumberSyntaxError as error:
        raise BadRequest(f"Error parsing local-only: {error}") from error
