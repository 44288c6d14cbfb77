"""``consul catalog services``: the services of a datacenter or of one node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyconsul.cli.commands.catalog.datacenters import no_arguments
from pyconsul.cli.console import Console, failing
from pyconsul.cli.flags import agent_flags
from pyconsul.cli.output import tab_stops
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from pyconsul.sdk import Client

USAGE = "[options]"
HELP = """
Lists the names of the registered services, with -tags their tags, too.

    $ consul catalog services
    $ consul catalog services -node=web-1 -tags
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which services, and what of them."""
    flags.string("node", "Only services on this node, by `id or name`.")
    flags.mapping("node-meta", "Only services on nodes with this `key=value` in their metadata. May be repeated.")
    flags.boolean("tags", "Print the tags beside each name.")
    agent_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print one service a line, in order."""
    no_arguments(args)
    client = console.connect(args)
    services = _services(args, client)
    if not services:
        console.complain("No services match the given query - try expanding your search.")
        return 0
    if args.boolean("tags"):
        lines = [f"{name}\t{','.join(sorted(services[name]))}" for name in sorted(services)]
        # Consul cuts the end of the last line, where padding stands behind a service without tags.
        console.say(tab_stops("\n".join([*lines, ""])).rstrip())
    else:
        for name in sorted(services):
            console.say(name)
    return 0


def _services(args: Args, client: Client) -> dict[str, list[str]]:
    """Names and tags."""
    from pyconsul.sdk import QueryOptions

    options = QueryOptions(node_meta=args.mapping("node-meta"))
    node = args.string("node")
    if not node:
        with failing("Error listing services"):
            return client.catalog.services(options)
    with failing("Error listing services for node"):
        found = client.catalog.node(node, options)
    services: dict[str, list[str]] = {}
    for instance in (found.Services or {}).values() if found else ():
        services.setdefault(instance.Service, []).extend(instance.Tags or [])
    return services
