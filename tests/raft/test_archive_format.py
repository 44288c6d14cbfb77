"""Consul's snapshot archive: what real servers wrote is read, what we write is whole, what is damaged is refused."""

import base64
import contextlib
import gzip
import io
import json
import random
import re
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyconsul.raft.archive import ArchiveError, Meta, Server, read_archive, verify_archive, write_archive
from pyconsul.raft.records import Record, StateReader, header, record, statistics
from pyconsul.structs import gomsgpack

SNAPSHOTS = Path(__file__).parents[3] / "shared/design/wire/fixtures/snapshots"
recorded = pytest.mark.skipif(not SNAPSHOTS.is_dir(), reason="the recorded snapshots do not lie beside the repository")

META = Meta(index=17, term=2, servers=(Server("id-1", "127.0.0.1:8300"),), peers=b"\x91\xae127.0.0.1:8300")


def an_archive(state: bytes = b"state" * 300, meta: Meta = META) -> bytes:
    """A complete archive as bytes."""
    out = io.BytesIO()
    write_archive(out, meta, io.BytesIO(state), modified=1_700_000_000)
    return out.getvalue()


def a_tar(**members: bytes) -> bytes:
    """A gzipped tar with these members, ended as Go ends it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(out.getvalue())


def test_an_archive_comes_back_as_it_was_written() -> None:
    """Meta and state survive; size and ID are filled in."""
    with read_archive(io.BytesIO(an_archive())) as archive:
        assert archive.state.read() == b"state" * 300
        assert (archive.meta.index, archive.meta.term, archive.meta.servers) == (17, 2, META.servers)
        assert archive.meta.size == 1500
        assert archive.meta.id.startswith("2-17-")


def test_other_tools_read_the_archive() -> None:
    """It is an ordinary tar for everybody else, with the members in Consul's order."""
    with tarfile.open(fileobj=io.BytesIO(an_archive())) as tar:
        members = tar.getmembers()
        assert [m.name for m in members] == ["meta.json", "state.bin", "SHA256SUMS"]
        assert {m.mode for m in members} == {0o600}


def test_the_tar_ends_with_exactly_two_blocks() -> None:
    """A real server refuses bytes behind the end mark, so there are none."""
    data = gzip.decompress(an_archive())
    assert data.endswith(bytes(1024))
    assert any(data[-1536:-1024])


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "failed to decompress snapshot: EOF"),
        (b"garbage", "failed to decompress snapshot: unexpected EOF"),
        (b"not a snapshot", "failed to decompress snapshot: gzip: invalid header"),
        (
            base64.b64decode("H4sIAAAAAAAA/wMAAAAAAAAAAAA="),
            'failed to read snapshot file: failed checking integrity of snapshot: file missing for "meta.json"',
        ),
        (a_tar(other=b"x"), 'failed to read snapshot file: unexpected file "other" in snapshot'),
        (an_archive() + b"too short", "unexpected EOF"),
        (an_archive() + b"long enough", "gzip: invalid header"),
        (gzip.compress(gzip.decompress(an_archive()) + bytes(7)), "7 unread uncompressed bytes remain"),
    ],
    ids=["empty", "short", "text", "empty-tar", "other-file", "short-garbage", "trailing-garbage", "trailing-zeros"],
)
def test_what_is_no_archive_is_refused_in_consuls_words(data: bytes, text: str) -> None:
    """Clients print the server's sentence, so it is Consul's."""
    with pytest.raises(ArchiveError) as caught:
        verify_archive(io.BytesIO(data))
    assert str(caught.value) == text


def test_empty_streams_behind_an_archive_are_nothing_however_many() -> None:
    """Streams may be concatenated (RFC 1952, section 2.2)."""
    assert verify_archive(io.BytesIO(an_archive() + gzip.compress(b"") * 2000)).index == META.index


def test_a_changed_state_fails_its_hash() -> None:
    """The content is checked against SHA256SUMS, not only against gzip's checksum."""
    data = bytearray(gzip.decompress(an_archive()))
    data[data.index(b"statestate")] ^= 1
    with pytest.raises(ArchiveError, match='hash check failed for "state'):
        verify_archive(io.BytesIO(gzip.compress(bytes(data))))


def test_a_cut_at_every_byte_is_refused() -> None:
    """No part of an archive passes for the whole."""
    whole = an_archive(random.Random(1).randbytes(600))
    for size in range(len(whole)):
        with pytest.raises(ArchiveError):
            verify_archive(io.BytesIO(whole[:size]))


@pytest.mark.parametrize(
    ("sums", "fault"),
    [
        (b"garbage", "no hex data for %x string"),
        (b"abc  state.bin", "illegal hex digit"),
        (b"\n", "unexpected EOF"),
        (b"00  other", 'list missing hash for "other"'),
    ],
)
def test_a_list_of_hashes_that_is_none_is_refused_as_go_scans_it(sums: bytes, fault: str) -> None:
    """Digits in pairs, spaces, a name."""
    with pytest.raises(ArchiveError, match=re.escape(fault)):
        verify_archive(io.BytesIO(a_tar(**{"meta.json": META.to_json(), "state.bin": b"", "SHA256SUMS": sums})))


@pytest.mark.parametrize(
    ("name", "what"), [("meta.json", "metadata"), ("SHA256SUMS", "hashes")], ids=["metadata", "hashes"]
)
def test_a_small_member_that_is_cut_or_large_is_told_by_its_name(name: str, what: str) -> None:
    """The large state alone may have any size."""
    members = {"meta.json": META.to_json(), "state.bin": b"", "SHA256SUMS": b""}
    tar = gzip.decompress(a_tar(**{**members, name: b"x" * 600}))
    cut_off = tar[: tar.index(b"x" * 600) + 9]
    with pytest.raises(ArchiveError, match=f"failed to read snapshot {what}: "):
        verify_archive(io.BytesIO(gzip.compress(cut_off)))
    with pytest.raises(ArchiveError, match=re.escape(f'file "{name}" in snapshot is too large')):
        verify_archive(io.BytesIO(a_tar(**{**members, name: b"x" * (33 << 20)})))


def test_cut_metadata_is_told_in_gos_words() -> None:
    """Not in those of our own parser."""
    with pytest.raises(ArchiveError, match="metadata: unexpected end of JSON input"):
        Meta.from_json(b"{")


@given(st.data())
def test_a_flipped_byte_never_gives_another_state(data: st.DataObject) -> None:
    """Damage is refused, or hits something that means nothing (a time stamp of gzip)."""
    whole = bytearray(an_archive(b"abc" * 50, Meta(index=1, term=1, id="1-1-1")))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    try:
        with read_archive(io.BytesIO(bytes(whole))) as archive:
            assert archive.state.read() == b"abc" * 50
    except ArchiveError:
        pass


def test_sloppy_metadata_is_accepted() -> None:
    """Any key order, absent fields and null lists are fine, as with the real reader."""
    meta = Meta.from_json(b'{"Term": 2, "Peers": null, "Index": 9, "Configuration": {"Servers": null}}')
    assert meta == Meta(index=9, term=2, version=0)


@pytest.mark.parametrize("text", [b"", b"[]", b'{"Index": "x"}', b'{"Index": -1}', b'{"Peers": "%"}'])
def test_bad_metadata_is_refused(text: bytes) -> None:
    """Nonsense in meta.json is an error that says so."""
    with pytest.raises(ArchiveError, match="failed to decode snapshot metadata"):
        Meta.from_json(text)


def test_records_are_cut_apart_without_decoding() -> None:
    """A state falls into its records, whatever is in them, also across the reader's chunks."""
    big = gomsgpack.pack({"V": b"\xff" * 3_000_000})
    state = header(5) + b"\x02" + big + b"\x63" + gomsgpack.pack({"a": None}) + record(16, {"Key": "k"})
    reader = StateReader(io.BytesIO(state))
    assert reader.last_index == 5
    assert list(reader) == [
        Record(2, big),
        Record(99, gomsgpack.pack({"a": None})),
        Record(16, gomsgpack.pack({"Key": "k"})),
    ]


def test_a_cut_state_is_refused() -> None:
    """A state that ends within a record is an error, not a shorter state."""
    state = header(5) + record(2, {"Key": "kkkk"})
    ends = {len(header(5)), len(state)}
    for size in set(range(len(state))) - ends:
        with pytest.raises(ArchiveError):
            list(StateReader(io.BytesIO(state[:size])))


@given(st.binary(max_size=200))
def test_no_state_breaks_the_reader(data: bytes) -> None:
    """Whatever bytes come, there are records or an ArchiveError."""
    with contextlib.suppress(ArchiveError):
        list(StateReader(io.BytesIO(data)))


def test_statistics_count_keys_below_a_filter() -> None:
    """KV records are grouped by the first parts of their keys."""
    keys = ["app/a/1", "app/a/2", "app/b", "other"]
    state = header(1) + b"".join(record(2, {"Key": k}) for k in keys)
    found = statistics(io.BytesIO(state), kv_depth=2, kv_filter="app/")
    assert {name: c.count for name, c in found.by_prefix.items()} == {"app/a": 2, "app/b": 1}
    assert found.by_type["KVS"].count == 4
    assert found.total_bytes == len(state)


@recorded
@pytest.mark.parametrize("name", ["fresh-dev", "rich", "handmade-python"])
def test_a_real_snapshot_is_read_to_the_last_byte(name: str) -> None:
    """The records and the header of a real server's state make up the whole of it again."""
    with read_archive(io.BytesIO((SNAPSHOTS / f"{name}.snap").read_bytes())) as archive:
        state = archive.state.read()
        archive.state.seek(0)
        reader = StateReader(archive.state)
        again = b"".join(bytes((number,)) + data for number, data in reader)
    assert state[reader.header_bytes :] == again


@recorded
def test_statistics_are_those_of_the_real_tool() -> None:
    """Names, counts, sizes and their order are what the real ``snapshot inspect`` printed."""
    expected = json.loads((SNAPSHOTS / "rich.inspect.json").read_text())
    with read_archive(io.BytesIO((SNAPSHOTS / "rich.snap").read_bytes())) as archive:
        found = statistics(archive.state)
    assert [{"Name": c.name, "Sum": c.size_bytes, "Count": c.count} for c in found.by_type.values()] == expected[
        "Stats"
    ]
    assert found.total_bytes == expected["TotalSize"]
