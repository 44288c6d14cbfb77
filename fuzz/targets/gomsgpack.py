"""Go's msgpack of a log entry: a struct, or a DecodeError; what was read once is written and read the same."""

from __future__ import annotations

from pyconsul.structs import gomsgpack
from pyconsul.structs.catalog import RegisterRequest
from pyconsul.structs.kv import DirEntry, KVSRequest
from pyconsul.structs.session import Session, SessionRequest

SEEDS = [
    gomsgpack.encode(KVSRequest(Op="set", DirEnt=DirEntry(Key="a/b", Value=b"\xff\x00", Session="x"))),
    gomsgpack.encode(SessionRequest(Op="create", Session=Session(ID="i", NodeChecks=["serfHealth"]))),
    gomsgpack.encode(RegisterRequest(Node="n", Address="192.0.2.1", NodeMeta={"k": "v"})),
]
TOKENS = [
    b"\xc0",
    b"\x80",
    b"\x90",
    b"\xa0",
    b"\xda\x00\x01",
    b"\xdb\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xcb",
    b"\xd9\x01x",
    b"\xc4\x01x",
    b"\xd5\x01\x02\x03",
    b"\xc1",
    b"\xa3Key",
    b"\xc2",
    b"\xff",
    b"\x91",
]


def run(data: bytes) -> None:
    """Read as each of the types."""
    for kind in (KVSRequest, SessionRequest, RegisterRequest):
        try:
            value = gomsgpack.decode(data, kind)
        except gomsgpack.DecodeError as error:
            assert str(error)
            continue
        assert gomsgpack.encode(gomsgpack.decode(gomsgpack.encode(value), kind)) == gomsgpack.encode(value)
