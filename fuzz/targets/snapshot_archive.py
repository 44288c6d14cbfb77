"""Snapshot archives: meta and state, or an ArchiveError. The inner tar is mutated, too, behind a good compression."""

from __future__ import annotations

import gzip
import io

from pyconsul.raft.archive import ArchiveError, Meta, Server, read_archive, write_archive
from pyconsul.raft.records import StateReader, header, record


def _archive() -> bytes:
    out = io.BytesIO()
    state = header(7) + record(2, {"Key": "k", "Value": b"v"}) + record(16, {"Key": "kvs", "Value": 7})
    write_archive(out, Meta(index=7, term=2, id="2-7-1", servers=(Server("i", "a"),)), io.BytesIO(state), modified=1)
    return out.getvalue()


SEEDS = [_archive(), gzip.decompress(_archive())]
TOKENS = [
    b"\x1f\x8b\x08",
    bytes(512),
    b"meta.json",
    b"state.bin",
    b"SHA256SUMS",
    b"ustar\x0000",
    b"0000777\0",
    b"{",
    b"}",
    b"  ",
]


def run(data: bytes) -> None:
    """Read the archive, and the bytes as the inside of one, to the last record."""
    for archive in (data, gzip.compress(data, 1)):
        try:
            with read_archive(io.BytesIO(archive)) as found:
                for _ in StateReader(found.state):
                    pass
        except ArchiveError as error:
            assert str(error)
