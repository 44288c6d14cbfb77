"""Log entries whose operation means nothing: each family says so in its own words, and the state stays as it was."""

from __future__ import annotations

from typing import Any

import pytest

from pyconsul.raft.consensus import Entry
from pyconsul.server import families
from pyconsul.server.fsm.machine import Fsm
from pyconsul.server.fsm.registry import LOG_HANDLERS, RECORD_KINDS, applies, snapshot_records
from pyconsul.server.state.indexes import INDEXES
from pyconsul.structs.errors import ConsulError
from pyconsul.structs.federation import FederationStateRequest
from pyconsul.structs.intentions import IntentionMutation, IntentionRequest
from pyconsul.structs.kv import DirEntry, KVSRequest, TombstoneRequest
from pyconsul.structs.messages import IGNORE_UNKNOWN, MessageType
from pyconsul.structs.prepared_query import PreparedQueryRequest
from pyconsul.structs.session import SessionRequest
from pyconsul.structs.system_metadata import SystemMetadataRequest

REFUSED: list[tuple[MessageType, Any, str]] = [
    (MessageType.KVS, KVSRequest(Op="explode", DirEnt=DirEntry(Key="a")), "Invalid KVS operation 'explode'"),
    (MessageType.TOMBSTONE, TombstoneRequest(Op="explode"), "Invalid Tombstone operation 'explode'"),
    (MessageType.SESSION, SessionRequest(Op="explode"), "Invalid session operation 'explode'"),
    (MessageType.PREPARED_QUERY, PreparedQueryRequest(Op="explode"), "Invalid PreparedQuery operation 'explode'"),
    (MessageType.INTENTION, IntentionRequest(Op="explode"), "Invalid Intention operation 'explode'"),
    (
        MessageType.INTENTION,
        IntentionRequest(Op="explode", Mutation=IntentionMutation()),
        "Invalid Intention mutation operation 'explode'",
    ),
    (
        MessageType.FEDERATION_STATE,
        FederationStateRequest(Op="explode"),
        "invalid federation state operation type: explode",
    ),
    (
        MessageType.SYSTEM_METADATA,
        SystemMetadataRequest(Op="explode"),
        "invalid system metadata operation type: explode",
    ),
    *(
        (
            MessageType.INTENTION,
            IntentionRequest(Op=op),
            "Legacy intention modifications are disabled after the config entry migration.",
        )
        for op in ("create", "update", "delete")
    ),
]


def applied(number: int, request: Any, index: int = 5) -> tuple[Fsm, Any]:
    """A new machine that took one entry, and what it answered."""
    machine = Fsm(families.TABLES, lambda _: None)
    return machine, machine.apply(index, Entry.from_data(Entry(number, request).data))


@pytest.mark.parametrize(("number", "request_", "text"), REFUSED)
def test_an_operation_that_is_none_is_refused(number: int, request_: Any, text: str) -> None:
    """The proposer gets the words, and no index moves."""
    machine, answer = applied(number, request_)
    assert isinstance(answer, ConsulError)
    assert answer.text == text
    assert machine.db.all(INDEXES) == []


def test_the_end_of_the_old_intentions_raises_both_indexes() -> None:
    """What a server of before 1.9 leaves to be cleared: that of its table and that of config entries."""
    machine, answer = applied(MessageType.INTENTION, IntentionRequest(Op="delete-all"))
    assert answer is None
    assert {(row.Key, row.Value) for row in machine.db.all(INDEXES)} == {
        ("connect-intentions", 5),
        ("config-entries", 5),
    }


def test_an_entry_of_the_future_is_skipped_where_its_type_says_so() -> None:
    """It is no error and changes nothing."""
    machine, answer = applied(IGNORE_UNKNOWN | 100, KVSRequest(Op="set", DirEnt=DirEntry(Key="a")))
    assert answer is None
    assert machine.db.all(INDEXES) == []


def test_an_entry_that_may_be_skipped_is_applied_by_who_knows_it() -> None:
    """The mark is for others."""
    machine, _ = applied(IGNORE_UNKNOWN | MessageType.KVS, KVSRequest(Op="set", DirEnt=DirEntry(Key="a")))
    assert [(row.Key, row.Value) for row in machine.db.all(INDEXES)] == [("kvs", 5)]


def test_a_type_of_entries_has_one_handler_and_one_kind_of_record() -> None:
    """A second one is a mistake of ours, told when its module is imported."""
    with pytest.raises(ValueError, match=r"^two handlers for log entries of type 2$"):
        applies(MessageType.KVS, KVSRequest)(LOG_HANDLERS[MessageType.KVS].apply)
    kind = RECORD_KINDS[MessageType.KVS]
    with pytest.raises(ValueError, match=r"^two dumpers of snapshot records of type 2$"):
        snapshot_records(MessageType.KVS, DirEntry, load=kind.load)(kind.rows)
