"""Log entries and snapshot records of federation states."""

from collections.abc import Iterable

from pyconsul.memdb import FrozenStore, Store
from pyconsul.server.fsm.registry import applies, snapshot_records
from pyconsul.server.state.federation import FEDERATION_STATES, delete_federation_state, put_federation_state
from pyconsul.structs.errors import InternalError
from pyconsul.structs.federation import FederationState, FederationStateRequest
from pyconsul.structs.messages import MessageType

UPSERT = "upsert"
DELETE = "delete"


@applies(MessageType.FEDERATION_STATE, FederationStateRequest)
def apply_federation_state(db: Store, index: int, req: FederationStateRequest) -> bool | None:
    """Store a state (answers true) or forget one (answers nothing)."""
    state = req.State or FederationState()
    match req.Op:
        case "upsert":
            put_federation_state(db, index, state)
            return True
        case "delete":
            delete_federation_state(db, index, state.Datacenter)
            return None
        case _:
            raise InternalError(f"invalid federation state operation type: {req.Op}")


def load_federation_state(db: Store, row: FederationStateRequest) -> None:
    """Put one state back as it was."""
    if row.State is not None:
        db.put(FEDERATION_STATES, row.State)


@snapshot_records(MessageType.FEDERATION_STATE, FederationStateRequest, load=load_federation_state)
def federation_state_rows(frozen: FrozenStore) -> Iterable[FederationStateRequest]:
    """All states, each as the request that stores it."""
    return (FederationStateRequest(Op=UPSERT, State=row) for row in frozen.all(FEDERATION_STATES))
