"""A state from a snapshot into an empty server: taken, or refused with an ArchiveError; what was taken can be saved."""

from __future__ import annotations

import io

from pyconsul.raft.archive import ArchiveError
from pyconsul.raft.records import StateReader, header, record
from pyconsul.server import families
from pyconsul.server.fsm.machine import Fsm

_NODE = {"Node": "n", "Address": "192.0.2.1", "ID": "", "Datacenter": "dc1"}
SEEDS = [
    header(9)
    + record(0, _NODE)
    + record(0, {**_NODE, "Service": {"ID": "s", "Service": "web", "Port": 80, "Tags": ["a"]}})
    + record(0, {**_NODE, "Check": {"Node": "n", "CheckID": "c", "Status": "passing", "ServiceID": "s"}})
    + record(6, [{"Node": "n", "Segment": "", "Coord": {"Vec": [0.0] * 8, "Error": 1.5, "Height": 1e-05}}])
    + record(3, {"ID": "11111111-2222-3333-4444-555555555555", "Node": "n", "Behavior": "release"}),
    header(3) + record(2, {"Key": "k", "Value": b"v", "ModifyIndex": 3}) + record(5, {"Key": "t", "ModifyIndex": 2}),
    header(1) + record(17, {"AccessorID": "x"}) + record(255, {"Index": 4, "Data": b"\x02\x80"}) + record(29, {}),
]
TOKENS = [
    b"\xc0",
    b"\x80",
    b"\x90",
    b"\xa1x",
    b"\xc2",
    b"\x00",
    b"\x02",
    b"\xff",
    b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
]


def run(data: bytes) -> None:
    """Restore, then save."""
    machine = Fsm(families.TABLES, lambda _: None)
    fresh = machine.restoring()
    try:
        for number, value in StateReader(io.BytesIO(data)):
            fresh.load(number, value)
    except ArchiveError as error:
        assert str(error)
        return
    fresh.finish()
    assert b"".join(machine.freeze().records(private=True))
