"""``consul rtt``: the round trip time between two nodes, estimated from network coordinates."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pyconsul.cli.console import Console, Failed, UsageFailed, failing
from pyconsul.cli.flags import client_flags
from pyconsul.lang.goflags import Args, FlagSet
from pyconsul.lang.strconv import quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyconsul.sdk import Client
    from pyconsul.sdk.results import CoordinateEntry, CoordinatePoint

USAGE = "[options] node1 [node2]"
HELP = """
Estimates how long a packet takes from one node to the other and back, from
the coordinates that gossip keeps. Without a second node it is the agent's.

    $ consul rtt web-1 db-1

With -wan the nodes are servers, each with its datacenter behind a dot.

    $ consul rtt -wan server-1.dc1 server-1.dc2
"""


def add_flags(flags: FlagSet) -> None:
    """Declare which coordinates."""
    flags.boolean("wan", "Use the coordinates between datacenters.")
    client_flags(flags)


def run(args: Args, console: Console) -> int:
    """Print the estimate."""
    nodes = list(args.rest)
    if not 1 <= len(nodes) <= 2:
        raise UsageFailed("One or two node names must be specified")
    client = console.connect(args)
    if args.boolean("wan"):
        source, found = "WAN", _wan(nodes, client)
    else:
        source, found = "LAN", _lan(nodes, client)
    for name, point in zip(nodes, found, strict=True):
        if point is None:
            raise Failed(f"Could not find a coordinate for node {quote(name)}")
    first, second = found
    if first is not None and second is not None:
        milliseconds = distance(first, second) * 1000
        console.say(f"Estimated {nodes[0]} <-> {nodes[1]} rtt: {milliseconds:.3f} ms (using {source} coordinates)")
    return 0


def distance(a: CoordinatePoint, b: CoordinatePoint) -> float:
    """Seconds between two coordinates: Euclidean distance, heights, and adjustments unless they make it nothing."""
    difference = [x - y for x, y in zip(a.Vec or [], b.Vec or [], strict=True)]
    plain = math.hypot(*difference) + a.Height + b.Height
    adjusted = plain + a.Adjustment + b.Adjustment
    seconds = adjusted if adjusted > 0 else plain
    return int(seconds * 1e9) / 1e9  # Go's duration has whole nanoseconds


def _lan(nodes: list[str], client: Client) -> tuple[CoordinatePoint | None, CoordinatePoint | None]:
    """The coordinates of both nodes in a segment that both are in; completes ``nodes``."""
    if len(nodes) < 2:
        with failing("Unable to look up agent info"):
            nodes.append(str(client.agent.self()["Config"]["NodeName"]))
    with failing("Error getting coordinates"):
        entries = client.coordinate.nodes()
    first, second = (_by_segment(entries, name) for name in nodes)
    # A client knows one segment, a server perhaps several; a node with a single one decides, the second one first.
    single = next((place for place in (second, first) if len(place) == 1), {"": None})
    segment = next(iter(single))
    return first.get(segment), second.get(segment)


def _by_segment(entries: Iterable[CoordinateEntry], name: str) -> dict[str, CoordinatePoint]:
    return {e.Segment: e.Coord for e in entries if e.Coord and e.Node.lower() == name.lower()}


def _wan(nodes: list[str], client: Client) -> tuple[CoordinatePoint | None, CoordinatePoint | None]:
    """The coordinates of both servers in an area that both are in; completes ``nodes``."""
    if len(nodes) < 2:
        with failing("Unable to look up agent info"):
            own = client.agent.self()["Config"]
        nodes.append(f"{own['NodeName']}.{own['Datacenter']}")
    parts = [name.split(".") for name in nodes]
    if any(len(part) != 2 for part in parts):
        raise Failed("Node names must be specified as <node name>.<datacenter> with -wan")
    with failing("Error getting coordinates"):
        datacenters = client.coordinate.datacenters()
    places: list[dict[str, CoordinatePoint]] = [{}, {}]
    for datacenter in datacenters:
        for entry in datacenter.Coordinates or []:
            for place, (node, name) in zip(places, parts, strict=True):
                if datacenter.Datacenter == name and entry.Coord and entry.Node.lower() == node.lower():
                    place[datacenter.AreaID] = entry.Coord
    area = next((area for area in places[0] if area in places[1]), None)
    return (places[0][area], places[1][area]) if area is not None else (None, None)
