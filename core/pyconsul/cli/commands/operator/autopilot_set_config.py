"""``consul operator autopilot set-config``: change how Autopilot is configured."""

from __future__ import annotations

from typing import Any

from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import client_flags, server_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.primitives.durations import format_duration

USAGE = "[options]"
HELP = """
Changes those settings of Autopilot that flags name, and leaves the others.
"""
BAD_FLAGS = "Failed to parse args: {}"

_FIELDS = {
    "cleanup-dead-servers": "CleanupDeadServers",
    "disable-upgrade-migration": "DisableUpgradeMigration",
    "last-contact-threshold": "LastContactThreshold",
    "max-trailing-logs": "MaxTrailingLogs",
    "min-quorum": "MinQuorum",
    "redundancy-zone-tag": "RedundancyZoneTag",
    "server-stabilization-time": "ServerStabilizationTime",
    "upgrade-version-tag": "UpgradeVersionTag",
}
_DURATIONS = ("last-contact-threshold", "server-stabilization-time")


def add_flags(flags: FlagSet) -> None:
    """Declare the settings."""
    own = FlagSet(brief=False)
    own.boolean("cleanup-dead-servers", "Remove dead servers once others took their place: `true|false`.")
    own.unsigned("max-trailing-logs", "Log entries by which a healthy server may be behind the leader.")
    own.unsigned("min-quorum", "Number of servers below which no dead one is removed.")
    own.duration("last-contact-threshold", "Time for which a healthy server may not hear the leader: `200ms`.")
    own.duration("server-stabilization-time", "Time for which a new server must be healthy before it votes: `10s`.")
    own.string("redundancy-zone-tag", "Node metadata that names a server's zone; Consul Enterprise only.")
    own.boolean(
        "disable-upgrade-migration", "Do not wait for newer servers to take over: `true|false`; Enterprise only."
    )
    own.string("upgrade-version-tag", "Node metadata that names a server's version; Consul Enterprise only.")
    flags.merge(own)
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Read the configuration, change it, write it if nobody else did meanwhile."""
    client = console.connect(args, "Error initializing client")
    with failing("Error querying Autopilot configuration"):
        found = client.operator.autopilot_configuration()
    changed: dict[str, Any] = {
        **found,
        **{field: _given(args, flag) for flag, field in _FIELDS.items() if args.was_set(flag)},
    }
    with failing("Error setting Autopilot configuration"):
        done = client.operator.autopilot_set_configuration(changed, cas=int(found.get("ModifyIndex", 0)))
    if done:
        console.say("Configuration updated!")
        return 0
    console.say("Configuration could not be atomically updated, please try again")
    return 1


def _given(args: Args, flag: str) -> Any:
    return format_duration(args.duration(flag)) if flag in _DURATIONS else args.value(flag)
