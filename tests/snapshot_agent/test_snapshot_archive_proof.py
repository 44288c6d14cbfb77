"""The proof that an archive is whole."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyconsul.testing import InProcessAgent
from pyconsul_snapshot_agent.archive import ArchiveError, Pieces, Summary, verify
from pyconsul_snapshot_agent.testing import archive_of

GOOD = archive_of(bytes(range(256)) * 40)


def test_an_archive_of_consul_passes(consul_agent: InProcessAgent) -> None:
    """What the server sends is read in pieces; index and term are those of the moment."""
    consul_agent.client.kv.put("a", "b")
    with consul_agent.client.snapshot.save() as stream:
        summary = verify(stream)
    assert summary.index > 0
    assert summary.term > 0


def test_the_summary_is_what_the_archive_says() -> None:
    """Index, term and size of the state."""
    assert verify([GOOD]) == Summary(7, 2, 10240)


@settings(deadline=None)
@given(st.integers(0, len(GOOD) - 1))
def test_an_archive_that_is_cut_off_anywhere_does_not_pass(length: int) -> None:
    """Half an upload must never count."""
    with pytest.raises(ArchiveError):
        verify([GOOD[:length]])


@settings(deadline=None)
@given(st.integers(10, len(GOOD) - 1), st.integers(1, 255))
def test_a_changed_byte_does_not_pass(at: int, flip: int) -> None:
    """Beyond gzip's header, whose time and system nobody reads."""
    damaged = bytearray(GOOD)
    damaged[at] ^= flip
    try:
        assert verify([bytes(damaged)]) == verify([GOOD])  # e.g. a bit of deflate's padding that means nothing
    except ArchiveError:
        return


@settings(deadline=None)
@given(st.binary(max_size=2000))
def test_no_garbage_passes(garbage: bytes) -> None:
    """Neither raw nor compressed."""
    for source in (garbage, gzip.compress(garbage)):
        with pytest.raises(ArchiveError):
            verify([source])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"state_bin": b"the stale"}, 'the digest of "state.bin" does not match'),
        ({"SHA256SUMS": b""}, 'the archive lists no digest of "meta.json"'),
        ({"passwd": b"x"}, 'unexpected file "passwd" in the archive'),
    ],
)
def test_what_does_not_belong_is_named(changes: dict[str, bytes], problem: str) -> None:
    """The text tells which member is wrong."""
    with pytest.raises(ArchiveError, match=problem):
        verify([archive_of(**changes)])


@pytest.mark.parametrize(
    ("meta", "problem"),
    [
        (b'{"Index": 7, "Term": 2, "Size": 99}', "the state has 1 bytes, the meta data says 99"),
        (b'{"Index": 7}', "the archive's meta data cannot be read: 'Term'"),
        (b"[7]", "the archive's meta data cannot be read: "),
        (b"{", "the archive's meta data cannot be read: "),
        (b"[" * 100_000, "the archive's meta data cannot be read: "),
    ],
)
def test_right_digests_are_not_enough(meta: bytes, problem: str) -> None:
    """What the archive says of itself has to fit what is in it."""
    members = (("meta.json", meta), ("state.bin", b"s"))
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in members)
    with pytest.raises(ArchiveError, match=problem):
        verify([archive_of(b"s", meta_json=meta, SHA256SUMS=sums.encode())])


def test_an_archive_of_nothing_is_none() -> None:
    """Although gzip and tar are whole."""
    out = io.BytesIO()
    tarfile.open(fileobj=out, mode="w:gz").close()
    with pytest.raises(ArchiveError, match=r'file "meta\.json" is missing from the archive'):
        verify([out.getvalue()])


def test_headers_that_tar_cannot_read_are_told() -> None:
    """Whatever Python's reader of tar says about them."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        entry = tarfile.TarInfo("meta.json")
        entry.pax_headers = {"GNU.sparse.map": "x", "GNU.sparse.size": "1"}
        tar.addfile(entry)
    with pytest.raises(ArchiveError, match="not a snapshot archive: invalid literal"):
        verify([out.getvalue()])


@settings(deadline=None)
@given(st.lists(st.binary(max_size=50)), st.lists(st.integers(0, 40)))
def test_pieces_read_like_a_file(pieces: list[bytes], sizes: list[int]) -> None:
    """However they were cut, and however much is asked for at a time."""
    source = Pieces(pieces)
    parts = [source.read(size) for size in sizes]
    assert all(len(part) <= size for part, size in zip(parts, sizes, strict=True))
    assert b"".join([*parts, source.read()]) == b"".join(pieces)
