"""``consul catalog nodes``: the nodes of a datacenter."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pyconsul.cli.commands.catalog.datacenters import no_arguments
from pyconsul.cli.console import Console, Failed, failing
from pyconsul.cli.files import data_source
from pyconsul.cli.flags import client_flags, partition_flag, server_flags
from pyconsul.cli.output import columns, key_values
from pyconsul.lang.goflags import Args, FlagSet

if TYPE_CHECKING:
    from pyconsul.sdk import Client, QueryOptions
    from pyconsul.sdk.results import CatalogService, Node

USAGE = "[options]"
HELP = """
Lists the nodes of the agent's datacenter, or of the one that -datacenter
names: all of them, those with a service, or those with certain metadata.

    $ consul catalog nodes
    $ consul catalog nodes -service=web -detailed
    $ consul catalog nodes -node-meta=zone=a -near=_agent
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which nodes, and what of them."""
    flags.string("filter", "Filter expression; also @file, or - for standard input.")
    flags.boolean("detailed", "Print whole ids, tagged addresses and metadata.")
    flags.string("near", "Sort by the round trip time from this node; _agent means the agent's own.")
    flags.mapping("node-meta", "Only nodes with this `key=value` in their metadata. May be repeated.")
    flags.string("service", "Only nodes with an instance of this service, by `id or name`.")
    client_flags(flags)
    server_flags(flags)
    partition_flag(flags)


def run(args: Args, console: Console) -> int:
    """Print the nodes as a table."""
    no_arguments(args)
    client = console.connect(args)

    from pyconsul.sdk import QueryOptions

    options = QueryOptions(
        near=args.string("near"), node_meta=args.mapping("node-meta"), filter=filter_of(args, console)
    )
    nodes = _nodes(args.string("service"), client, options)
    if not nodes:
        console.complain("No nodes match the given query - try expanding your search.")
        return 0
    if args.boolean("detailed"):
        rows = [["Node", "ID", "Address", "DC", "TaggedAddresses", "Meta"], *map(_detailed, nodes)]
    else:
        rows = [["Node", "ID", "Address", "DC"], *map(_brief, nodes)]
    console.say(columns(rows))
    return 0


def filter_of(args: Args, console: Console) -> str:
    """The filter expression. Raises Failed when its file cannot be read."""
    given = args.string("filter")
    if not given:
        return ""
    try:
        return os.fsdecode(data_source(given, console))
    except Failed as e:
        raise Failed(f"Could not process filter argument: {e}") from e


def _nodes(service: str, client: Client, options: QueryOptions) -> list[Node]:
    if service:
        with failing("Error listing nodes for service"):
            return [_node_of(instance) for instance in client.catalog.service(service, options)]
    with failing("Error listing nodes"):
        return client.catalog.nodes(options)


def _node_of(instance: CatalogService) -> Node:
    from pyconsul.sdk.results import Node

    return Node(
        ID=instance.ID,
        Node=instance.Node,
        Address=instance.Address,
        Datacenter=instance.Datacenter,
        TaggedAddresses=instance.TaggedAddresses,
        Meta=instance.NodeMeta,
    )


def _brief(node: Node) -> list[str]:
    return [node.Node, node.ID.partition("-")[0] or node.ID, node.Address, node.Datacenter]


def _detailed(node: Node) -> list[str]:
    addresses, meta = key_values(node.TaggedAddresses or {}), key_values(node.Meta or {})
    return [node.Node, node.ID, node.Address, node.Datacenter, addresses, meta]
