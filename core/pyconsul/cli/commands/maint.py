"""``consul maint``: maintenance mode of the node or of one service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.flags import client_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from pyconsul.sdk import Client

USAGE = "[options]"
HELP = """
Takes the agent's node, or one of its services, out of service: a critical
check is registered that keeps it from all DNS and API answers. It lasts until
it is switched off, beyond restarts of the agent.

    $ consul maint -enable -reason="new disk"
    $ consul maint -disable
    $ consul maint -enable -service=web

Without flags it shows what is in maintenance now.
"""
_NODE_CHECK = "_node_maintenance"
_SERVICE_CHECK = "_service_maintenance:"


def add_flags(flags: FlagSet) -> None:
    """Declare what to switch."""
    flags.boolean("enable", "Switch maintenance mode on.")
    flags.boolean("disable", "Switch maintenance mode off.")
    flags.string("reason", "Why, for those who look.")
    flags.string("service", "Id of the service, instead of the whole node.")
    client_flags(flags)


def run(args: Args, console: Console) -> int:
    """Switch, or show."""
    enable, disable = args.boolean("enable"), args.boolean("disable")
    service = args.string("service")
    if enable and disable:
        raise Failed("Only one of -enable or -disable may be provided")
    if args.string("reason") and not enable:
        raise Failed("Reason may only be provided with -enable")
    if service and not enable and not disable:
        raise Failed("Service requires either -enable or -disable")
    client = console.connect(args)
    if not enable and not disable:
        _show(client, console)
        return 0
    doing, done = ("enabling", "enabled") if enable else ("disabling", "disabled")
    if service:
        with failing(f"Error {doing} service maintenance"):
            client.agent.service_maintenance(service, enable, reason=args.string("reason"))
        console.say(f"Service maintenance is now {done} for {quote(service)}")
    else:
        with failing(f"Error {doing} node maintenance"):
            client.agent.maintenance(enable, reason=args.string("reason"))
        console.say(f"Node maintenance is now {done}")
    return 0


def _show(client: Client, console: Console) -> None:
    """Print the node and the services that are in maintenance."""
    with failing("Error querying Consul agent"):
        name = client.agent.self()["Config"]["NodeName"]
    with failing("Error getting checks"):
        checks = client.agent.checks()
    for check in checks.values():
        if check.CheckID == _NODE_CHECK:
            console.say(f"Node:\n  Name:   {name}\n  Reason: {check.Notes}\n")
        elif check.CheckID.startswith(_SERVICE_CHECK):
            console.say(f"Service:\n  ID:     {check.ServiceID}\n  Reason: {check.Notes}\n")
