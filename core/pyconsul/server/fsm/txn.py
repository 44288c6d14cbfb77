"""Log entries of transactions."""

from pyconsul.memdb import Store
from pyconsul.server.fsm.registry import applies
from pyconsul.server.state.txn import run
from pyconsul.structs.messages import MessageType
from pyconsul.structs.txn import TxnError, TxnRequest, TxnResponse


class _Undone(Exception):
    """Ends the transaction of the store; carries what is answered instead."""

    def __init__(self, errors: list[TxnError]) -> None:
        self.errors = errors
        super().__init__()


@applies(MessageType.TXN, TxnRequest)
def apply_txn(db: Store, index: int, req: TxnRequest) -> TxnResponse:
    """All operations or none; what refused is in the answer's ``Errors``."""
    return run_or_undo(db, index, req)


def run_or_undo(db: Store, index: int, req: TxnRequest) -> TxnResponse:
    """Run the operations in a savepoint of their own, so that an answer can be given also when all is undone.

    An error of the handler's would undo as much, but its proposer would get an error, and Consul answers with a list.
    """
    try:
        with db.savepoint():
            results, errors = run(db, index, req.Ops or [])
            if errors:
                raise _Undone(errors)
    except _Undone as undone:
        return TxnResponse(Errors=undone.errors)
    return TxnResponse(Results=results)
