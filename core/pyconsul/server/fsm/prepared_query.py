"""Log entries of prepared queries, and their snapshot records."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.blame import blamed
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state.indexes import raise_index
from pyconsul.server.state.prepared_query import INDEX, PREPARED_QUERIES, delete_query, put_query, set_query
from pyconsul.structs.errors import InternalError
from pyconsul.structs.messages import MessageType
from pyconsul.structs.prepared_query import PreparedQuery, PreparedQueryRequest


@applies(MessageType.PREPARED_QUERY, PreparedQueryRequest)
def apply_prepared_query(db: Store, index: int, req: PreparedQueryRequest) -> None:
    """Create, update or delete a query. Raises InternalError where the state forbids it."""
    query = req.Query or PreparedQuery()
    match req.Op:
        case "create" | "update":
            set_query(db, index, query)
        case "delete":
            with blamed("failed prepared query delete"):
                delete_query(db, index, query.ID)
        case _:
            raise InternalError(f"Invalid PreparedQuery operation '{req.Op}'")


def load_query(db: Store, row: PreparedQuery) -> None:
    """Put one query back as it was."""
    put_query(db, row)
    raise_index(db, row.ModifyIndex, INDEX)


@snapshot_records(MessageType.PREPARED_QUERY, PreparedQuery, load=load_query)
def query_rows(frozen: FrozenStore) -> Iterable[PreparedQuery]:
    """All queries."""
    return [row.query for row in frozen.all(PREPARED_QUERIES)]
