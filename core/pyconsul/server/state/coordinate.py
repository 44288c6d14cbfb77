"""Network coordinates of nodes, and sorting by distance."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from pyconsul.memdb import Index, Store, Table, WatchSet
from pyconsul.server.state.catalog_tables import NODES, row_key
from pyconsul.server.state.indexes import max_index, raise_index
from pyconsul.structs.catalog import QuerySource
from pyconsul.structs.coordinate import Coordinate, NodeCoordinate, distance, in_common_segment

T = TypeVar("T")

COORDINATES: Table[NodeCoordinate] = Table(
    name="coordinates",
    primary=lambda c: f"{c.Node}\0{c.Segment}".lower(),
    indexes={"node": Index(lambda c: (c.Node.lower(),))},
)


def coordinate_index(db: Store, ws: WatchSet | None = None) -> int:
    """The index of the coordinate table."""
    return max_index(db, "coordinates", ws=ws and ws.quiet)


def all_coordinates(db: Store, ws: WatchSet | None = None) -> list[NodeCoordinate]:
    """Coordinates by node and segment."""
    return db.all(COORDINATES, ws)


def coordinates_of_node(db: Store, node: str, ws: WatchSet | None = None) -> list[NodeCoordinate]:
    """A node's coordinates, one a segment."""
    return db.where(COORDINATES, "node", node.lower(), ws)


def put_coordinates(db: Store, index: int, updates: Sequence[NodeCoordinate], *, trusted: bool = False) -> None:
    """Store valid coordinates; those of unknown nodes are dropped silently unless ``trusted`` (a restore)."""
    for update in updates:
        if update.Coord is None or not update.Coord.is_valid():
            continue
        if trusted or db.get(NODES, row_key("", update.Node)) is not None:
            db.put(COORDINATES, update)
            raise_index(db, index, "coordinates")


def drop_coordinates_of_node(db: Store, index: int, node: str) -> None:
    """Forget where a node was."""
    for row in coordinates_of_node(db, node):
        db.delete(COORDINATES, f"{row.Node}\0{row.Segment}".lower())
        raise_index(db, index, "coordinates")


def _by_segment(rows: Sequence[NodeCoordinate]) -> dict[str, Coordinate]:
    return {row.Segment: row.Coord for row in rows if row.Coord is not None}


def sorted_by_distance(
    db: Store, source: QuerySource, datacenter: str, rows: list[T], node_of: Callable[[T], str], ws: WatchSet
) -> list[T]:
    """``rows`` nearest first, seen from ``source``; those without a known distance stay in order at the end.

    Without a source node, or one whose place is unknown or in another datacenter, the order stays.
    """
    if not source.Node or source.Datacenter != datacenter:
        return rows
    mine = _by_segment(coordinates_of_node(db, source.Node, ws))
    if not mine:
        return rows

    def away(row: T) -> float:
        theirs = _by_segment(coordinates_of_node(db, node_of(row), ws))
        return distance(*in_common_segment(mine, theirs))

    return sorted(rows, key=away)
