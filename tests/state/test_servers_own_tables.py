"""What servers keep for each other and for themselves: federation states and system metadata."""

from __future__ import annotations

import pytest

from pyconsul.memdb import Store, WatchSet
from pyconsul.server.fsm.federation import apply_federation_state
from pyconsul.server.fsm.system_metadata import apply_system_metadata, load_metadata
from pyconsul.server.state.federation import federation_state, federation_states
from pyconsul.server.state.indexes import max_index
from pyconsul.server.state.system_metadata import INDEX, SYSTEM_METADATA, metadata_value
from pyconsul.structs.errors import InternalError
from pyconsul.structs.federation import FederationState, FederationStateRequest
from pyconsul.structs.system_metadata import SystemMetadataEntry, SystemMetadataRequest


def tell(db: Store, index: int, datacenter: str, op: str = "upsert", primary: int = 0) -> bool | None:
    """One log entry about a datacenter."""
    state = FederationState(Datacenter=datacenter, PrimaryModifyIndex=primary)
    return apply_federation_state(db, index, FederationStateRequest(Op=op, State=state))


def remember(db: Store, index: int, key: str, value: str = "", op: str = "upsert") -> bool | None:
    """One log entry about a value."""
    return apply_system_metadata(
        db, index, SystemMetadataRequest(Op=op, Entry=SystemMetadataEntry(Key=key, Value=value))
    )


def test_a_datacenter_is_found_in_any_letter_case_and_keeps_its_first_index(db: Store) -> None:
    """A second state replaces the first one; the answer to the writer is that it did."""
    assert tell(db, 5, "dc1") is True
    tell(db, 7, "dc1")
    index, state = federation_state(db, "DC1")
    assert state is not None
    assert (index, state.CreateIndex, state.ModifyIndex) == (7, 5, 7)


@pytest.mark.parametrize(("given", "kept"), [(0, 5), (3, 3)])
def test_a_state_that_was_not_copied_is_the_primarys_own(db: Store, given: int, kept: int) -> None:
    """Its index there is the index here; a copy keeps the one with which it came."""
    tell(db, 5, "dc1", primary=given)
    state = federation_state(db, "dc1")[1]
    assert state is not None and state.PrimaryModifyIndex == kept


def test_states_are_listed_by_datacenter(db: Store) -> None:
    """Whatever the order in which they came."""
    for index, name in enumerate(("dc2", "dc1"), start=5):
        tell(db, index, name)
    index, states = federation_states(db)
    assert (index, [state.Datacenter for state in states]) == (6, ["dc1", "dc2"])


def test_a_forgotten_datacenter_raises_the_index_and_an_unknown_one_does_not(db: Store) -> None:
    """The answer to the writer is nothing in either case."""
    tell(db, 5, "dc1")
    assert tell(db, 6, "dc9", op="delete") is None
    assert federation_states(db)[0] == 5
    assert tell(db, 7, "DC1", op="delete") is None
    assert federation_states(db) == (7, [])


def test_who_waits_for_a_datacenter_hears_of_it(db: Store) -> None:
    """Its watch fires when the state changes."""
    tell(db, 5, "dc1")
    ws = WatchSet()
    federation_state(db, "dc1", ws)
    tell(db, 6, "dc1")
    assert ws.fired


def test_a_value_is_found_in_any_letter_case_and_is_empty_where_there_is_none(db: Store) -> None:
    """A later write of the name replaces it and keeps its first index."""
    assert remember(db, 5, "Key", "old") is True
    remember(db, 6, "key", "new")
    assert (metadata_value(db, "KEY"), metadata_value(db, "other")) == ("new", "")
    (row,) = db.all(SYSTEM_METADATA)
    assert (row.CreateIndex, row.ModifyIndex, max_index(db, INDEX)) == (5, 6, 6)


def test_a_forgotten_value_raises_the_index_and_an_unknown_one_does_not(db: Store) -> None:
    """As with every table of the state."""
    remember(db, 5, "key", "value")
    assert remember(db, 6, "other", op="delete") is None
    assert max_index(db, INDEX) == 5
    remember(db, 7, "KEY", op="delete")
    assert (metadata_value(db, "key"), max_index(db, INDEX)) == ("", 7)


def test_a_restored_value_brings_its_index_back(db: Store) -> None:
    """Blocking readers of the table go on from where they were."""
    load_metadata(db, SystemMetadataEntry(Key="key", Value="value", CreateIndex=3, ModifyIndex=4))
    assert (metadata_value(db, "key"), max_index(db, INDEX)) == ("value", 4)


def test_a_value_needs_a_name(db: Store) -> None:
    """Nothing is stored for one that has none."""
    with pytest.raises(InternalError, match=r"^missing key on system metadata$"):
        remember(db, 5, "")
    assert db.count(SYSTEM_METADATA) == 0
