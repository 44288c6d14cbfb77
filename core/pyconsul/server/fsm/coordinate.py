"""Log entries of network coordinates, and their snapshot records: one array of one coordinate each."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state.coordinate import COORDINATES, put_coordinates
from pyconsul.structs.coordinate import NodeCoordinate
from pyconsul.structs.messages import MessageType


@applies(MessageType.COORDINATE_BATCH_UPDATE, list[NodeCoordinate])
def apply_coordinates(db: Store, index: int, updates: list[NodeCoordinate]) -> None:
    """Take a batch of coordinates; those of unknown nodes are dropped."""
    put_coordinates(db, index, updates)


def load_coordinates(db: Store, row: list[NodeCoordinate]) -> None:
    """Put coordinates back; the table's index is a record of its own."""
    put_coordinates(db, 0, row, trusted=True)


@snapshot_records(MessageType.COORDINATE_BATCH_UPDATE, list[NodeCoordinate], load=load_coordinates)
def coordinate_rows(frozen: FrozenStore) -> Iterable[list[NodeCoordinate]]:
    """All coordinates."""
    return ([row] for row in frozen.all(COORDINATES))
