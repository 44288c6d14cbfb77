"""``consul operator autopilot state``: how healthy Autopilot finds the servers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags, read_options, server_flags
from pyconsul.cli.output import json_text, sorted_maps
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options]"
HELP = """
Shows what Autopilot knows about the servers: who leads and votes, how many
may fail, and the health of each.
"""
BAD_FLAGS = "Failed to parse args: {}"

_SERVER_FIELDS = (
    ("Name", "Name"),
    ("Address", "Address"),
    ("Version", "Version"),
    ("Status", "Status"),
    ("Node Type", "NodeType"),
    ("Node Status", "NodeStatus"),
    ("Healthy", "Healthy"),
    ("Last Contact", "LastContact"),
    ("Last Term", "LastTerm"),
    ("Last Index", "LastIndex"),
)
_OPTIONAL_FIELDS = (
    ("Redundancy Zone", "RedundancyZone"),
    ("Upgrade Version", "UpgradeVersion"),
    ("Read Replica", "ReadReplica"),
)
_UPGRADE_LISTS = (
    ("Target Version Voters", "TargetVersionVoters"),
    ("Target Version Non-Voters", "TargetVersionNonVoters"),
    ("Target Version ReadReplicas", "TargetVersionReadReplicas"),
    ("Other Version Voters", "OtherVersionVoters"),
    ("Other Version Non-Voters", "OtherVersionNonVoters"),
    ("Other Version ReadReplicas", "OtherVersionReadReplicas"),
)


def add_flags(flags: FlagSet) -> None:
    """Declare the output format."""
    flags.string("format", "Output format: pretty or json.", "pretty")
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print the state."""
    client = console.connect(args, "Error initializing client")
    with failing("Error querying Autopilot state"):
        state = client.operator.autopilot_state(read_options(args))
    layouts = {"pretty": _pretty, "json": _json}
    layout = layouts.get(args.string("format"))
    if layout is None:
        raise Failed(f"Unknown format: {args.string('format')}")
    console.say(layout(state))
    return 0


def _json(state: dict[str, Any]) -> str:
    servers: dict[str, Any] = state.get("Servers") or {}
    ordered = {name: {**servers[name], "Meta": sorted_maps(servers[name].get("Meta"))} for name in sorted(servers)}
    return json_text({**state, "Servers": ordered} if servers else state)


def _pretty(state: dict[str, Any]) -> str:
    lines = [
        f"Healthy:                      {_shown(state['Healthy'])}",
        f"Failure Tolerance:            {state['FailureTolerance']}",
        f"Optimistic Failure Tolerance: {state.get('OptimisticFailureTolerance', 0)}",
        f"Leader:                       {state['Leader']}",
        *_listed("Voters", state.get("Voters"), "", even_if_empty=True),
        *_listed("Read Replicas", state.get("ReadReplicas"), ""),
        *_zones(state.get("RedundancyZones") or {}),
        *_upgrade(state.get("Upgrade")),
        "Servers:",
    ]
    servers: dict[str, Any] = state.get("Servers") or {}
    for name in sorted(servers):
        lines += _server(servers[name])
    return "\n".join(lines) + "\n"


def _server(server: dict[str, Any]) -> list[str]:
    fields = [(title, server.get(name, "")) for title, name in _SERVER_FIELDS]
    fields += [(title, server[name]) for title, name in _OPTIONAL_FIELDS if server.get(name)]
    lines = [f"   {server['ID']}", *(f"      {f'{title}:':<17}{_shown(value)}" for title, value in fields)]
    meta: dict[str, str] = server.get("Meta") or {}
    if meta:
        lines += ["      Meta", *(f"         {quote(name)}: {quote(meta[name])}" for name in sorted(meta))]
    return lines


def _zones(zones: dict[str, Any]) -> list[str]:
    lines = ["Redundancy Zones:"] if zones else []
    for name in sorted(zones):
        zone = zones[name]
        lines += [f"   {name}:", f"      Failure Tolerance: {zone['FailureTolerance']}"]
        lines += _listed("Voters", zone.get("Voters"), "      ", even_if_empty=True)
        lines += _listed("Servers", zone.get("Servers"), "      ", even_if_empty=True)
    return lines


def _upgrade(upgrade: dict[str, Any] | None) -> list[str]:
    if not upgrade:
        return []
    lines = [
        "Upgrade:",
        f"   Status:         {upgrade['Status']}",
        f"   Target Version: {upgrade.get('TargetVersion', '')}",
    ]
    for title, name in _UPGRADE_LISTS:
        lines += _listed(title, upgrade.get(name), "   ")
    return lines


def _listed(title: str, names: Iterable[str] | None, indent: str, *, even_if_empty: bool = False) -> list[str]:
    rows = [f"{indent}   {name}" for name in names or ()]
    return [f"{indent}{title}:", *rows] if rows or even_if_empty else []


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
