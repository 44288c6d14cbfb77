"""Federation states, one a datacenter."""

from pyconsul.memdb import Store, Table, WatchSet
from pyconsul.server.state.indexes import max_index, raise_index
from pyconsul.structs.federation import FederationState
from pyconsul.structs.wire import changed

INDEX = "federation-states"

FEDERATION_STATES: Table[FederationState] = Table(name=INDEX, primary=lambda s: s.Datacenter.lower())


def federation_state(db: Store, datacenter: str, ws: WatchSet | None = None) -> tuple[int, FederationState | None]:
    """The table's index, and one datacenter's state."""
    row = db.get(FEDERATION_STATES, datacenter.lower(), ws)
    return max_index(db, INDEX, ws=ws), row


def federation_states(db: Store, ws: WatchSet | None = None) -> tuple[int, list[FederationState]]:
    """The table's index, and all states by datacenter."""
    return max_index(db, INDEX, ws=ws), db.all(FEDERATION_STATES, ws)


def put_federation_state(db: Store, index: int, state: FederationState) -> None:
    """Store a state. One that was not copied from the primary datacenter is the primary's own."""
    old = db.get(FEDERATION_STATES, state.Datacenter.lower())
    db.put(
        FEDERATION_STATES,
        changed(
            state,
            PrimaryModifyIndex=state.PrimaryModifyIndex or index,
            CreateIndex=old.CreateIndex if old else index,
            ModifyIndex=index,
        ),
    )
    raise_index(db, index, INDEX)


def delete_federation_state(db: Store, index: int, datacenter: str) -> None:
    """Forget a datacenter's state, if there is one."""
    if db.delete(FEDERATION_STATES, datacenter.lower()) is not None:
        raise_index(db, index, INDEX)
