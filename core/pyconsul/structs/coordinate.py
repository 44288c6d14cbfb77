"""Network coordinates of nodes (Vivaldi, as Serf computes them), and what is asked of them."""

import math

from pyconsul.structs.wire import UNSET, Indexed, OmitStr, WireStruct, WriteRequest

DIMENSIONS = 8


class Coordinate(WireStruct, frozen=True, kw_only=True):
    """A point in the network's space; ``Height``, ``Adjustment`` and ``Vec`` are seconds."""

    Vec: list[float] | None = None
    Error: float = 0.0
    Adjustment: float = 0.0
    Height: float = 0.0

    def is_valid(self) -> bool:
        """Whether all parts are finite numbers."""
        return all(map(math.isfinite, (*(self.Vec or ()), self.Error, self.Adjustment, self.Height)))

    def is_compatible_with(self, other: "Coordinate") -> bool:
        """Whether both lie in a space of the same dimension."""
        return len(self.Vec or ()) == len(other.Vec or ())


# Where a node is before it has measured anything (Serf's default).
ORIGIN = Coordinate(Vec=[0.0] * DIMENSIONS, Error=1.5, Adjustment=0.0, Height=1e-05)


class NodeCoordinate(WireStruct, frozen=True, kw_only=True):
    """One node's coordinate in one network segment (``structs.Coordinate``)."""

    Node: str = ""
    Segment: str = ""
    Partition: OmitStr = UNSET
    Coord: Coordinate | None = None


class CoordinateUpdateRequest(WriteRequest, frozen=True, kw_only=True):
    """A node tells where it is."""

    Node: str = ""
    Segment: str = ""
    Coord: Coordinate | None = None


class IndexedCoordinates(Indexed, frozen=True, kw_only=True):
    """Coordinates by node name."""

    Coordinates: list[NodeCoordinate] | None = None


class DatacenterMap(WireStruct, frozen=True, kw_only=True):
    """The servers of one datacenter with their places in the WAN."""

    Datacenter: str = ""
    AreaID: str = ""
    Coordinates: list[NodeCoordinate] | None = None


def distance(one: Coordinate | None, other: Coordinate | None) -> float:
    """Estimated round trip in seconds; infinity when either is unknown or they lie in different spaces."""
    if one is None or other is None or not one.is_compatible_with(other):
        return math.inf
    raw = math.dist(one.Vec or (), other.Vec or ()) + one.Height + other.Height
    adjusted = raw + one.Adjustment + other.Adjustment
    return int((adjusted if adjusted > 0.0 else raw) * 1e9) / 1e9  # whole nanoseconds, as Go's durations


def in_common_segment(
    mine: dict[str, Coordinate], theirs: dict[str, Coordinate]
) -> tuple[Coordinate | None, Coordinate | None]:
    """The pair of coordinates, by segment, that can be compared; None where there is none.

    A node with one segment is likely a client and decides; nodes with several meet in the default segment.
    """
    segment = ""
    for coordinates in (mine, theirs):
        if len(coordinates) == 1:
            segment = next(iter(coordinates))
    return mine.get(segment), theirs.get(segment)
