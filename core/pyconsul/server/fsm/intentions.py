"""Log entries of intentions. Their snapshot records of old (type 12) are carried along; nobody writes them any more."""

from pyconsul.memdb import Store
from pyconsul.server.fsm.registry import applies
from pyconsul.server.state.config_entry_reads import INDEX
from pyconsul.server.state.indexes import set_index
from pyconsul.server.state.intentions import mutate
from pyconsul.structs.errors import InternalError
from pyconsul.structs.intentions import DELETE_ALL, IntentionRequest
from pyconsul.structs.messages import MessageType

LEGACY_INDEX = "connect-intentions"


@applies(MessageType.INTENTION, IntentionRequest)
def apply_intention(db: Store, index: int, req: IntentionRequest) -> None:
    """Change one intention. Raises InternalError."""
    if req.Mutation is not None:
        mutate(db, index, req.Op, req.Mutation)
    elif req.Op == DELETE_ALL:  # what remained in the table of before 1.9, after it went into config entries
        set_index(db, index, LEGACY_INDEX, INDEX)
    elif req.Op in ("create", "update", "delete"):
        raise InternalError("Legacy intention modifications are disabled after the config entry migration.")
    else:
        raise InternalError(f"Invalid Intention operation '{req.Op}'")
