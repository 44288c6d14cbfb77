"""The whole state as snapshot records: real snapshots restore, what we save is the same, nothing is dropped."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest

from pyconsul.memdb import Store
from pyconsul.raft.archive import ArchiveError, read_archive
from pyconsul.raft.consensus import Entry
from pyconsul.raft.records import Record, StateReader, header, record
from pyconsul.server import families
from pyconsul.server.fsm.machine import Fsm, UnknownEntryError
from pyconsul.server.fsm.registry import RECORD_KINDS
from pyconsul.server.snapshot import ORDER
from pyconsul.server.state.catalog_tables import NODES
from pyconsul.server.state.kv import KVS, entries_below
from pyconsul.server.state.virtual_ips import SERVICE_VIRTUAL_IPS
from pyconsul.structs import gomsgpack
from pyconsul.structs.kv import DirEntry, KVSRequest
from pyconsul.structs.messages import IGNORE_UNKNOWN, MessageType
from tests.plain import without_zeros

SNAPSHOTS = Path(__file__).parents[3] / "shared/design/wire/fixtures/snapshots"
recorded = pytest.mark.skipif(not SNAPSHOTS.is_dir(), reason="the recorded snapshots do not lie beside the repository")
UNBUILT = MessageType.PEERING_WRITE  # a family that is not there yet, in log and snapshot


def a_machine() -> Fsm:
    """An empty state machine with all families."""
    return Fsm(families.TABLES, lambda _: None)


def restored(records: list[Record]) -> Fsm:
    """A machine with exactly these records."""
    machine = a_machine()
    fresh = machine.restoring()
    for number, data in records:
        fresh.load(number, data)
    fresh.finish()
    return machine


def saved(machine: Fsm, *, private: bool = False) -> tuple[int, list[Record]]:
    """The header's index and the records that the machine saves."""
    reader = StateReader(io.BytesIO(b"".join(machine.freeze().records(private=private))))
    return reader.last_index, list(reader)


def recorded_state(name: str) -> tuple[int, list[Record]]:
    """The header's index and the records of a recorded snapshot."""
    with read_archive(io.BytesIO((SNAPSHOTS / f"{name}.snap").read_bytes())) as archive:
        reader = StateReader(archive.state)
        return reader.last_index, list(reader)


def a_record(number: int, **fields: object) -> Record:
    """A record of any fields."""
    return Record(number, gomsgpack.pack(dict(sorted(fields.items()))))


def comparable(records: list[Record]) -> list[tuple[int, str]]:
    """Records to compare with others: bytes of types without a family, fields of the rest."""
    return [
        (r.number, json.dumps(without_zeros(gomsgpack.unpack(r.data)), sort_keys=True))
        if r.number in RECORD_KINDS
        else (r.number, r.data.hex())
        for r in records
    ]


@recorded
@pytest.mark.parametrize("name", ["fresh-dev", "rich"])
def test_a_real_snapshot_is_saved_again_record_by_record(name: str) -> None:
    """Restored and saved, a real server's state has the same records in the same order of types."""
    index, records = recorded_state(name)
    again_index, again = saved(restored(records))
    idle_chunking = [r for r in again if r.number == MessageType.CHUNKING_STATE and r not in records]
    ours = comparable([r for r in again if r not in idle_chunking])
    assert sorted(ours) == sorted(comparable(records))
    assert list(dict.fromkeys(n for n, _ in ours)) == list(dict.fromkeys(r.number for r in records))
    assert again_index == index


@recorded
def test_a_sparse_snapshot_is_read() -> None:
    """A snapshot of another tool, with most fields left out, gives the rows that it names."""
    machine = restored(recorded_state("handmade-python")[1])
    assert machine.db.count(KVS) == 3
    assert [n.Node for n in machine.db.all(NODES)] == ["handmade"]


@recorded
def test_a_large_state_is_restored_and_saved_byte_for_byte() -> None:
    """40,000 pairs with values of all bytes come out as they went in."""
    _, records = recorded_state("big-kv")
    pairs = [r for r in records if r.number == MessageType.KVS]
    assert len(pairs) > 40_000 - 100
    assert [r for r in saved(restored(records))[1] if r.number == MessageType.KVS] == pairs


def test_virtual_addresses_of_servers_before_1_13_keep_their_services() -> None:
    """Whose address it is was a bare name then: services had no peers."""
    machine = restored([a_record(MessageType.SERVICE_VIRTUAL_IP, Service={"Name": name}) for name in ("web", "db")])
    assert [row.Service.ServiceName.Name for row in machine.db.all(SERVICE_VIRTUAL_IPS)] == ["db", "web"]
    assert [gomsgpack.unpack(data)["Service"] for _, data in saved(machine)[1][:2]] == [
        {"Peer": "", "ServiceName": {"Name": name}} for name in ("db", "web")
    ]


def test_records_of_unknown_families_keep_their_bytes_and_order() -> None:
    """What nobody here understands is neither decoded nor reordered nor dropped."""
    unknown = [Record(UNBUILT, gomsgpack.pack(b"\xff%d" % n)) for n in (3, 1, 2)]
    _, records = saved(restored([*unknown, a_record(MessageType.KVS, Key="k")]))
    assert [r for r in records if r.number == UNBUILT] == unknown


def test_types_stand_in_consuls_order() -> None:
    """The types follow each other as a real server writes them, with the idle chunking state at the end."""
    _, records = saved(
        restored(
            [
                a_record(UNBUILT, x=1),
                a_record(MessageType.KVS, Key="k", ModifyIndex=3),
                a_record(MessageType.REGISTER, Node="n", Address="192.0.2.1"),
            ]
        )
    )
    numbers = list(dict.fromkeys(r.number for r in records))
    assert numbers == sorted(numbers, key=ORDER.index)
    assert records[-1] == Record(MessageType.CHUNKING_STATE, gomsgpack.pack({"ChunkMap": {}}))


def test_the_header_has_the_newest_index_of_a_table() -> None:
    """Indexes of single services and nodes do not count."""
    index, _ = saved(restored([a_record(16, Key="kvs", Value=7), a_record(16, Key="peer.~:service.x", Value=99)]))
    assert index == 7


@pytest.mark.parametrize(
    "bad", [Record(MessageType.KVS, b"\x05"), Record(MessageType.SESSION, b"\x81\xa2ID\x05")], ids=["kv", "session"]
)
def test_a_record_that_cannot_be_read_is_an_error(bad: Record) -> None:
    """A snapshot with nonsense in it is refused, naming the type."""
    with pytest.raises(ArchiveError, match="failed to decode record of type"):
        restored([bad])


def test_a_restore_wakes_those_who_watched_the_old_state() -> None:
    """The new store is another one, and the old one is abandoned."""
    machine = a_machine()
    old = machine.db
    told: list[Store] = []
    machine.on_restore.append(told.append)
    machine.restoring().finish()
    assert machine.db is not old
    assert old.abandoned
    assert told == [machine.db]


def test_a_log_entry_of_an_unbuilt_family_is_carried() -> None:
    """It is no error, it survives in this server's own snapshots, and never leaves it."""
    machine = a_machine()
    assert machine.apply(9, Entry(UNBUILT, b"\x0a\x00protobuf")) is None
    _, own = saved(machine, private=True)
    assert machine.freeze().has_private
    assert saved(restored(own), private=True)[1] == own
    assert all(r.number <= max(MessageType) for r in saved(machine)[1])


def test_a_carried_entry_is_applied_by_the_version_that_knows_it() -> None:
    """An entry that waited changes the state as soon as there is a family for it."""
    request = KVSRequest(Op="set", DirEnt=DirEntry(Key="k", Value=b"v"))
    data = bytes((MessageType.KVS,)) + gomsgpack.encode(request)
    machine = restored([a_record(255, Index=9, Data=data)])
    entry = machine.db.get(KVS, "k")
    assert entry is not None
    assert (entry.Value, entry.ModifyIndex) == (b"v", 9)
    assert not machine.freeze().has_private


def test_an_entry_that_may_not_be_skipped_stops_the_server() -> None:
    """A type that no version of Consul CE has is ignored only if its flag says so."""
    machine = a_machine()
    with pytest.raises(UnknownEntryError, match="unknown message type 99"):
        machine.apply(1, Entry(99, b""))
    assert machine.apply(1, Entry(99 | IGNORE_UNKNOWN, b"")) is None


def test_deletes_are_remembered_by_the_restored_state() -> None:
    """With their indexes: who waits below a prefix hears of a delete that it missed."""
    records = [a_record(MessageType.TOMBSTONE, Key=key, ModifyIndex=index) for key, index in (("a/1", 5), ("b", 9))]
    again = restored(saved(restored(records))[1])
    assert [entries_below(again.db, prefix)[0] for prefix in ("a/", "b", "c")] == [5, 9, 9]


def test_a_frozen_state_does_not_move() -> None:
    """Writes after the freeze are not in what is saved."""
    machine = a_machine()
    machine.apply(1, Entry(MessageType.KVS, KVSRequest(Op="set", DirEnt=DirEntry(Key="a"))))
    frozen = machine.freeze()
    machine.apply(2, Entry(MessageType.KVS, KVSRequest(Op="set", DirEnt=DirEntry(Key="b"))))
    records = list(StateReader(io.BytesIO(b"".join(frozen.records(private=False)))))
    assert sum(1 for r in records if r.number == MessageType.KVS) == 1


def test_saving_goes_in_small_steps() -> None:
    """No single step of a large save takes long, so that the loop gets its turn in between."""
    machine = a_machine()
    for n in range(20_000):
        machine.apply(
            n, Entry(MessageType.KVS, KVSRequest(Op="set", DirEnt=DirEntry(Key=f"key/{n:06}", Value=b"v" * 100)))
        )
    pieces = machine.freeze().records(private=False)
    longest, began = 0.0, time.process_time()
    for _ in pieces:
        now = time.process_time()
        longest, began = max(longest, now - began), now
    assert longest < 0.1


def test_header_and_records_make_up_a_state() -> None:
    """The pieces that are saved are those that the reader cuts."""
    state = header(3) + record(MessageType.KVS, DirEntry(Key="k"))
    assert list(StateReader(io.BytesIO(state))) == [Record(MessageType.KVS, gomsgpack.encode(DirEntry(Key="k")))]
