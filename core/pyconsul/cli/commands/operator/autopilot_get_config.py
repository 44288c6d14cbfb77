"""``consul operator autopilot get-config``: how Autopilot is configured."""

from __future__ import annotations

from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import client_flags, read_options, server_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

USAGE = "[options]"
HELP = """
Shows the configuration of Autopilot, which looks after the servers.
"""
BAD_FLAGS = "Failed to parse args: {}"


def add_flags(flags: FlagSet) -> None:
    """Declare the common flags."""
    client_flags(flags)
    server_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print one setting a line."""
    client = console.connect(args, "Error initializing client")
    with failing("Error querying Autopilot configuration"):
        found = client.operator.autopilot_configuration(read_options(args))
    for name in ("CleanupDeadServers", "LastContactThreshold", "MaxTrailingLogs", "MinQuorum"):
        console.say(f"{name} = {_shown(found[name])}")
    console.say(f"ServerStabilizationTime = {found['ServerStabilizationTime']}")
    console.say(f"RedundancyZoneTag = {quote(found['RedundancyZoneTag'])}")
    console.say(f"DisableUpgradeMigration = {_shown(found['DisableUpgradeMigration'])}")
    console.say(f"UpgradeVersionTag = {quote(found['UpgradeVersionTag'])}")
    return 0


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
